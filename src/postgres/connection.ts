/**
 * One dedicated connection. pg's pool is not used on the hot path: a lane owns its connection, and after any error the connection
 * is destroyed, so that nothing is ever sent into one whose state is in doubt.
 */
import { EventEmitter } from 'node:events'
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'
import { certificateTrouble } from '../tls-trouble.ts'
import { isLocal } from './local-host.ts'

export interface DatabaseOptions {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  /** A function is asked for each connection: it may have been changed since. */
  readonly password: string | (() => Promise<string>) | undefined
  /** As the password; false: in plain text. */
  readonly ssl: false | (() => Promise<ConnectionOptions>)
  readonly applicationName: string
  /** The only schema that names are looked up in; undefined: as the server is set. */
  readonly schema?: string | undefined
}

/** Longest wait for anything but a connection: a network that went dark answers nothing, and no server timeout helps then. */
export const DEADLINE_MS = 15_000
const CONNECT_MS = 5_000
const CLEAR_TEXT =
  'the server asks for the password in plain text over a connection that is not encrypted: set DB_SSLMODE=verify-full, or scram-sha-256 in its pg_hba.conf'

export async function connect(options: DatabaseOptions): Promise<pg.Client> {
  const { host, port, database, user, password, ssl, applicationName, schema } = options
  let wantsClearText = false
  const client = new pg.Client({
    host,
    port,
    database,
    user,
    ...(password === undefined
      ? {}
      : {
          password: () => {
            if (wantsClearText && ssl === false && !isLocal(host)) throw new Error(CLEAR_TEXT)
            return typeof password === 'string' ? password : password()
          },
        }),
    ssl: ssl === false ? false : await ssl(),
    enableChannelBinding: true,
    application_name: applicationName,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    // With the start of the session, so that it also holds behind a pooler that hands sessions round.
    ...(schema === undefined ? {} : { options: `-c search_path=${schema}` }),
  })
  // A backend that dies while idle is an event; without a listener it would end the process. The next use notices.
  client.on('error', () => undefined)
  // Before the client's own listener, which asks for the password.
  connectionOf(client)?.on('authenticationCleartextPassword', () => {
    wantsClearText = true
  })
  try {
    await client.connect()
  } catch (error) {
    await close(client)
    const trouble = certificateTrouble(error, 'DB_SSLROOTCERT')
    throw trouble === null ? error : new Error(`${host}:${port}: ${trouble}`, { cause: error })
  }
  return client
}

/** Ends it without waiting for a server that may not answer. */
export async function close(client: pg.Client): Promise<void> {
  const ended = client.end().catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  await Promise.race([ended, new Promise((done) => (timer = setTimeout(done, 1_000)))])
  clearTimeout(timer)
  destroy(client)
}

/** At once, without a word to the server: whatever was sent and not committed is rolled back there. */
export function destroy(client: pg.Client): void {
  const connection = connectionOf(client)
  if (connection === null) return
  const stream: unknown = Reflect.get(connection, 'stream')
  if (typeof stream === 'object' && stream !== null && 'destroy' in stream && typeof stream.destroy === 'function') {
    stream.destroy()
  }
}

/** What the client sends and receives with; it has no name in the library's types. */
function connectionOf(client: pg.Client): EventEmitter | null {
  const connection: unknown = Reflect.get(client, 'connection')
  return connection instanceof EventEmitter ? connection : null
}

/** The server did not answer in time; nobody knows what it made of the request. */
export class DeadlinePassed extends Error {
  constructor(deadlineMs: number) {
    super(`no answer from PostgreSQL within ${deadlineMs} ms`)
    this.name = 'DeadlinePassed'
  }
}

/** Rejects with DeadlinePassed and destroys the connection when the work takes longer than the deadline. */
export async function withDeadline<T>(
  client: pg.Client,
  work: Promise<T>,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, refuse) => {
    timer = setTimeout(() => {
      refuse(new DeadlinePassed(deadlineMs))
      destroy(client)
    }, deadlineMs)
  })
  work.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

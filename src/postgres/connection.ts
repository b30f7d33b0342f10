/**
 * One dedicated connection. pg's pool is not used on the hot path: a lane owns its connection, and after any error the connection
 * is destroyed, so that nothing is ever sent into one whose state is in doubt.
 */
import type { ConnectionOptions } from 'node:tls'
import pg from 'pg'

export interface DatabaseOptions {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string | undefined
  readonly ssl: false | ConnectionOptions
  readonly applicationName: string
  /** The only schema that names are looked up in; undefined: as the server is set. */
  readonly schema?: string | undefined
}

/** Longest wait for anything but a connection: a network that went dark answers nothing, and no server timeout helps then. */
export const DEADLINE_MS = 15_000
const CONNECT_MS = 5_000

export async function connect(options: DatabaseOptions): Promise<pg.Client> {
  const { host, port, database, user, password, ssl, applicationName, schema } = options
  const client = new pg.Client({
    host,
    port,
    database,
    user,
    password,
    ssl,
    application_name: applicationName,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    // With the start of the session, so that it also holds behind a pooler that hands sessions round.
    ...(schema === undefined ? {} : { options: `-c search_path=${schema}` }),
  })
  // A backend that dies while idle is an event; without a listener it would end the process. The next use notices.
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    await close(client)
    throw error
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
  const connection: unknown = Reflect.get(client, 'connection')
  if (typeof connection !== 'object' || connection === null) return
  const stream: unknown = Reflect.get(connection, 'stream')
  if (typeof stream === 'object' && stream !== null && 'destroy' in stream && typeof stream.destroy === 'function') {
    stream.destroy()
  }
}

/** Rejects and destroys the connection when the work takes longer than the deadline. */
export async function withDeadline<T>(
  client: pg.Client,
  work: Promise<T>,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, refuse) => {
    timer = setTimeout(() => {
      refuse(new Error(`no answer from PostgreSQL within ${deadlineMs} ms`))
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

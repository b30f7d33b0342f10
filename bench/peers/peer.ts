/** What a user could run instead: how it is brought onto this machine, and how it is started over a topic and a table. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'

export interface Place {
  /** host:port */
  readonly broker: string
  readonly topic: string
  readonly group: string
  readonly database: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly database: string
    /** That has the table `logs`. */
    readonly schema: string
  }
  /** For settings and states, the peer's own. */
  readonly folder: string
}

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Peer {
  readonly name: string
  /**
   * It is given only so many of the logs, because all would take too long, and not compressed, because kafkajs reads no lz4 as it comes.
   * undefined: all.
   */
  readonly rowsMax?: number
  /** Why it can't be had on this machine, or null. */
  missing(): string | null
  /** Brings it; rejects with why it could not be brought. */
  bring(): Promise<void>
  /** Writes its settings into the folder. */
  start(place: Place): Promise<Command>
}

/** A member that was killed is out of its group after this long, of every peer that lets it be set; franz-go's own is 45 s. */
export const SESSION_TIMEOUT_MS = 10_000

export const here = import.meta.dirname
export const cache = resolve(here, '../../.cache/peers')

export function onPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)))
}

export function postgresUrl({ database }: Place, scheme: string, parameters: string): string {
  const { user, password, host, port, database: name } = database
  return `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${name}?${parameters}`
}

const run = promisify(execFile)

/** Rejects with what the command said. */
export async function bringWith(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  await run(command, args, { env: { ...process.env, ...env }, maxBuffer: 64 << 20 })
}

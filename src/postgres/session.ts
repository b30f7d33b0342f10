/**
 * One connection as lanes and the ledger use it: the seam between their decisions and sockets. The real one is pg's client with a
 * deadline (connection.ts); a simulation hands in its own. Every call rejects with the database's error, or with an error without
 * SQLSTATE when the connection is gone: then nobody knows what the server made of the request.
 */
import type { QueryResultRow } from 'pg'
import { close, connect, type DatabaseOptions, destroy, withDeadline } from './connection.ts'
import { type CopyData, runCopy } from './copy-in.ts'

export interface Queries {
  query<Row extends QueryResultRow>(sql: string, values?: unknown[]): Promise<{ rows: Row[]; command: string }>
}

export interface Session extends Queries {
  /** One simple query with COPYs in it, one transaction; after a rejection the session must be destroyed (copy-in.ts). */
  copy(text: string, files: readonly CopyData[]): Promise<void>
  /** The work, or a rejection with DeadlinePassed and a destroyed session when it takes longer. @default deadlineMs DEADLINE_MS */
  inTime<T>(work: Promise<T>, deadlineMs?: number): Promise<T>
  /** At once, without a word to the server. */
  destroy(): void
  /** Ends it without waiting long for a server that may not answer. */
  close(): Promise<void>
  /** Told when the connection is gone, whoever ended it. */
  onEnd(act: () => void): void
}

export type OpenSession = () => Promise<Session>

/** Connects when called; rejects with the database's error. */
export function sessionsOf(options: DatabaseOptions): OpenSession {
  return async () => {
    const client = await connect(options)
    return {
      query: (sql, values) => client.query(sql, values),
      copy: (text, files) => runCopy(client, text, files),
      inTime: (work, deadlineMs) => withDeadline(client, work, deadlineMs),
      destroy: () => destroy(client),
      close: () => close(client),
      onEnd: (act) => void client.once('end', act),
    }
  }
}

/** Where the ledger stands, asked again and again over one connection that may break: only for knowing when, never for whether. */
import type pg from 'pg'
import { close, connect, type DatabaseOptions, destroy, withDeadline } from '../postgres/connection.ts'

export interface LedgerPosition {
  readonly nextOffset: number
  readonly owner: string | null
}

const DEADLINE_MS = 5_000

export class LedgerWatch {
  readonly #database: DatabaseOptions
  #client: pg.Client | null = null
  /** One question at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(database: DatabaseOptions) {
    this.#database = database
  }

  /** By partition; null while the database does not answer. */
  async positions(): Promise<Map<number, LedgerPosition> | null> {
    const rows = await this.#ask<{ part: number; next_offset: string; owner: string | null }>(
      'select part, next_offset, owner from ingest_ledger',
    )
    return rows === null
      ? null
      : new Map(rows.map((row) => [row.part, { nextOffset: Number(row.next_offset), owner: row.owner }]))
  }

  /** Ends the connections of one worker, by their application_name. How many there were; null: not allowed, or no answer. */
  async cut(applicationName: string): Promise<number | null> {
    const rows = await this.#ask<{ done: boolean }>(
      `select pg_terminate_backend(pid) as done
         from pg_stat_activity
        where application_name = $1
          and datname = current_database()
          and usename = current_user
          and pid <> pg_backend_pid()`,
      [applicationName],
    )
    return rows === null ? null : rows.filter(({ done }) => done).length
  }

  async close(): Promise<void> {
    if (this.#client !== null) await close(this.#client)
    this.#client = null
  }

  #ask<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[] | null> {
    const answer = this.#turn.then(() => this.#askNow<Row>(sql, values))
    this.#turn = answer
    return answer
  }

  /** Never rejects. */
  async #askNow<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[]): Promise<Row[] | null> {
    try {
      this.#client ??= await connect(this.#database)
      return (await withDeadline(this.#client, this.#client.query<Row>(sql, [...values]), DEADLINE_MS)).rows
    } catch {
      if (this.#client !== null) destroy(this.#client)
      this.#client = null
      return null
    }
  }
}

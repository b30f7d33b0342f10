/**
 * The replay of one dead letter: its rows, its aggregates, the letters of what is still bad, and the ledger's change of heart
 * (ingest_replay), in one transaction of one simple query, as a flush. The letter's status is compared under the lock of the
 * ledger's row, so that of two replays of one letter, or of one sent twice, only one does anything.
 */
import type pg from 'pg'
import { messageOf } from '../errors.ts'
import type { Reject, ScoredLog } from '../log.ts'
import { aggregatesSql, groupsOf } from './aggregates.ts'
import { BinaryRows } from './binary-rows.ts'
import { close, connect, type DatabaseOptions, destroy, withDeadline } from './connection.ts'
import { runCopy } from './copy-in.ts'
import type { DeadLetter } from './dead-letter-filter.ts'
import { DEAD_LETTER_COLUMNS, type DeadLetterScope, writeDeadLetter } from './dead-letter-rows.ts'
import { asProcessorError } from './ledger.ts'
import { roundHalfEven } from './round-half-even.ts'
import { classify, sqlStateOf } from './sql-errors.ts'
import { hexText, whole } from './sql-literals.ts'
import { readTableShape, type TableShape } from './table-shape.ts'

export interface ReplayOptions {
  readonly database: DatabaseOptions
  readonly deadLetterBytesMax: number
  readonly decodeHeaders: DeadLetterScope['decodeHeaders']
}

type LetterKey = Pick<DeadLetter, 'namespace' | 'topic' | 'incarnation' | 'partition' | 'offset' | 'item'>

export type ReplayOutcome =
  | { readonly kind: 'stored' }
  /** Somebody replayed or discarded it meanwhile, or retention took it; with `status` as it is now, null where it is gone. */
  | { readonly kind: 'not-new'; readonly status: string | null }
  /** PostgreSQL takes one of the rows not. */
  | { readonly kind: 'refused'; readonly detail: string }

const ROWS_BYTES = 1 << 20

export class DeadLetterReplay {
  readonly #options: ReplayOptions
  readonly #rows = new BinaryRows(ROWS_BYTES)
  readonly #dead = new BinaryRows(ROWS_BYTES)
  readonly #shapes = new Map<string, TableShape>()
  #client: pg.Client | null = null

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  /** Rejects with a ProcessorError; after POSTGRES_UNAVAILABLE the same call again is safe, whatever became of the first. */
  async store(
    letter: LetterKey,
    { logs, rejects }: { readonly logs: readonly ScoredLog[]; readonly rejects: readonly Reject[] },
    told: string,
  ): Promise<ReplayOutcome> {
    return this.#over(async (client) => {
      const shape = await this.#shapeOf(client, letter)
      const { text, files } = this.#encode(letter, shape, { logs, rejects }, told)
      try {
        await withDeadline(client, runCopy(client, text, files))
        return { kind: 'stored' }
      } catch (error) {
        this.#drop()
        if (sqlStateOf(error) === 'IH004') return { kind: 'not-new', status: await this.#statusOf(letter) }
        const verdict = classify(error)
        if (verdict.kind !== 'poison') throw error
        return {
          kind: 'refused',
          detail: `PostgreSQL refuses row ${verdict.line} (${verdict.sqlstate}): ${messageOf(error)}`,
        }
      }
    })
  }

  /** Counts an attempt that stored nothing, and what it found. */
  async failed(letter: LetterKey, told: string): Promise<void> {
    await this.#over((client) =>
      withDeadline(
        client,
        client.query(
          `update ingest_dead_letter
              set attempts = attempts + 1, attempted_at = clock_timestamp(), outcome = $7
            where ${POSITION} and status = 'new'`,
          [...keyOf(letter), told],
        ),
      ),
    )
  }

  async close(): Promise<void> {
    if (this.#client !== null) await close(this.#client)
    this.#client = null
  }

  #drop(): void {
    if (this.#client !== null) destroy(this.#client)
    this.#client = null
  }

  async #over<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#connected())
    } catch (error) {
      this.#drop()
      throw asProcessorError(error)
    }
  }

  async #connected(): Promise<pg.Client> {
    this.#client ??= await connect(this.#options.database)
    return this.#client
  }

  async #statusOf(letter: LetterKey): Promise<string | null> {
    const client = await this.#connected()
    const answer = client.query<{ status: string }>(
      `select status from ingest_dead_letter where ${POSITION}`,
      keyOf(letter),
    )
    return (await withDeadline(client, answer)).rows[0]?.status ?? null
  }

  async #shapeOf(client: pg.Client, { namespace, topic, incarnation }: LetterKey): Promise<TableShape> {
    const key = JSON.stringify([namespace, topic, incarnation])
    const known = this.#shapes.get(key)
    if (known !== undefined) return known
    const answer = client.query<{ id: number }>(
      `select id
         from ingest_topic
        where namespace = $1 and topic = $2 and incarnation = $3`,
      [namespace, topic, incarnation],
    )
    const id = (await withDeadline(client, answer)).rows[0]?.id
    if (id === undefined) throw new RangeError(`a dead letter of the topic ${topic}, which the ledger does not know`)
    const shape = await withDeadline(client, readTableShape(client, id))
    this.#shapes.set(key, shape)
    return shape
  }

  #encode(
    letter: LetterKey,
    shape: TableShape,
    { logs, rejects }: { readonly logs: readonly ScoredLog[]; readonly rejects: readonly Reject[] },
    told: string,
  ): { text: string; files: Buffer[] } {
    const { namespace, topic, incarnation, partition, offset, item } = letter
    const statements = [`copy logs (${shape.columns.join(', ')}) from stdin (format binary);`]
    this.#rows.start(ROWS_BYTES)
    for (const log of logs) {
      this.#rows.row(shape.columns.length)
      shape.write(this.#rows, log)
    }
    const files = [this.#rows.finish()]
    if (rejects.length > 0) {
      statements.push(`copy ingest_dead_letter (${DEAD_LETTER_COLUMNS}) from stdin (format binary);`)
      const { deadLetterBytesMax: bytesMax, decodeHeaders } = this.#options
      const scope = { namespace, topic, incarnation, bytesMax, decodeHeaders, alone: false }
      this.#dead.start(ROWS_BYTES)
      for (const reject of rejects) writeDeadLetter(this.#dead, reject, scope)
      files.push(this.#dead.finish())
    }
    statements.push(aggregatesSql(groupsOf([{ range: { partition }, logs }], roundHalfEven)))
    const numbers = [incarnation, partition, offset, item, logs.length, rejects.length].map(whole)
    statements.push(
      `select ingest_replay(${hexText(namespace)}, ${hexText(topic)}, ${numbers.join(', ')}, ${hexText(told)});`,
    )
    return { text: statements.join('\n'), files }
  }
}

const POSITION = 'namespace = $1 and topic = $2 and incarnation = $3 and part = $4 and "offset" = $5 and item = $6'

function keyOf({ namespace, topic, incarnation, partition, offset, item }: LetterKey): (string | number)[] {
  return [namespace, topic, incarnation, partition, offset, item]
}

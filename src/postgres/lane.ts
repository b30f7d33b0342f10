/**
 * One connection and the transactions that go over it. A partition belongs to one lane, so its batches commit in order; the
 * encoder's memory belongs to the lane too, and is only written to again after the connection that read it has answered or is gone.
 */
import type { Events } from '../events.ts'
import { failpoint } from '../failpoint.ts'
import type { PinnedTopic } from '../ledger.ts'
import type { ReadyRange } from '../pipeline.ts'
import { aggregatesSql, groupsOf } from './aggregates.ts'
import { serviceAlertsSql } from './alert-rows.ts'
import { BinaryRows } from './binary-rows.ts'
import { type DatabaseOptions, DEADLINE_MS, DeadlinePassed } from './connection.ts'
import type { CopyData } from './copy-in.ts'
import { DEAD_LETTER_COLUMNS, type DeadLetterScope, writeDeadLetter } from './dead-letter-rows.ts'
import { logRows } from './log-rows.ts'
import { packedState } from './packed-state.ts'
import { roundHalfEven } from './round-half-even.ts'
import { type OpenSession, type Session, sessionsOf } from './session.ts'
import { type PackedSnapshot, SNAPSHOT_COLUMNS, snapshotFile } from './snapshot-rows.ts'
import { sqlStateOf } from './sql-errors.ts'
import { hexText, whole, wholes } from './sql-literals.ts'
import { readTableShape, type TableShape } from './table-shape.ts'
import { offsetsOf, type Tally, tally } from './tally.ts'

export interface LaneOptions {
  readonly database: DatabaseOptions
  /** How a lane connects. @default to `database` */
  readonly openSession?: OpenSession
  readonly namespace: string
  readonly topic: string
  readonly pinned: () => PinnedTopic
  readonly deadLetterBytesMax: number
  readonly decodeHeaders: DeadLetterScope['decodeHeaders']
  /** True while ids have to be known for the console. */
  readonly reserveIds: () => boolean
  readonly events: Events
  /** A detector's state as its row holds it. @default to `packedState` */
  readonly pack?: (state: Uint8Array) => Promise<Buffer>
  /** First size of the encoder's memory, which grows as it must. @default 4 MiB */
  readonly rowsBytes?: number
}

const ROWS_BYTES = 4 << 20
/** Room for 20,000 rows: growing anew with every large batch doubles the encoder's time. */
const ROWS_BYTES_KEPT = 32 << 20
const DEAD_BYTES_KEPT = 256 << 10
/** A dead network is noticed after this at the latest. */
const DEADLINE_MAX_MS = 8 * DEADLINE_MS

export class Lane {
  readonly #options: LaneOptions
  readonly #open: OpenSession
  readonly #rows: BinaryRows
  readonly #dead: BinaryRows
  /** Namespace and topic, as they begin every key. */
  readonly #names: string
  #session: Session | null = null
  #deadlineMs = DEADLINE_MS
  /** The database answered that it cannot do the work (a full disk, read-only): that it can be connected to ends nothing. */
  #declined = false
  #shape: { topicId: number; shape: TableShape } | null = null

  constructor(options: LaneOptions) {
    const { rowsBytes = ROWS_BYTES, namespace, topic } = options
    this.#options = options
    this.#open = options.openSession ?? sessionsOf(options.database)
    this.#rows = new BinaryRows(rowsBytes)
    this.#dead = new BinaryRows(Math.min(rowsBytes, DEAD_BYTES_KEPT))
    this.#names = `${hexText(namespace)}, ${hexText(topic)}`
  }

  /** One transaction over these ranges. Answers the reserved ids of all rows in order, or null. */
  attempt(ranges: readonly ReadyRange[]): Promise<readonly number[] | null> {
    return this.#over(async (session) => {
      const shape = await this.#shapeOf(session)
      const ids = await this.#reserve(session, shape, ranges)
      const snapshots = await this.#packed(ranges)
      const { text, files } = this.#encode(ranges, shape, ids, snapshots)
      failpoint('before_copy')
      await this.#copy(session, text, files)
      failpoint('after_commit_ack')
      return ids
    })
  }

  /** The rows alone, and undone: resolves when the table would take them all. */
  rehearse(ranges: readonly ReadyRange[]): Promise<void> {
    return this.#over(async (session) => {
      const shape = await this.#shapeOf(session)
      const rows = this.#rowsOf(ranges, shape, null)
      const text = `begin;\ncopy logs (${shape.columns.join(', ')}) from stdin (format binary);\nrollback;`
      await this.#copy(session, text, [rows])
    })
  }

  /** A batch is sent again as it is, so one that a slow server could not take in time is given twice the time: else it never ends. */
  async #copy(session: Session, text: string, files: readonly CopyData[]): Promise<void> {
    try {
      await session.inTime(session.copy(text, files), this.#deadlineMs)
      this.#deadlineMs = DEADLINE_MS
    } catch (error) {
      if (error instanceof DeadlinePassed) this.#deadlineMs = Math.min(DEADLINE_MAX_MS, this.#deadlineMs * 2)
      throw error
    }
  }

  async #over<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#connected()
    try {
      const done = await work(session)
      if (this.#declined) this.#options.events.postgresConnected()
      this.#declined = false
      return done
    } catch (error) {
      this.#declined = sqlStateOf(error) !== null
      // Whatever it was, this connection may still hold half a COPY.
      this.#session = null
      this.#shape = null
      session.destroy()
      throw error
    }
  }

  async close(): Promise<void> {
    const session = this.#session
    this.#session = null
    if (session !== null) await session.close()
  }

  /** Connects ahead of the first batch, so that readiness means something. */
  async open(): Promise<void> {
    await this.#connected()
  }

  async #connected(): Promise<Session> {
    if (this.#session !== null) return this.#session
    const session = await this.#open()
    this.#session = session
    session.onEnd(() => {
      if (this.#session === session) this.#session = null
    })
    if (!this.#declined) this.#options.events.postgresConnected()
    return session
  }

  async #shapeOf(session: Session): Promise<TableShape> {
    const { topicId } = this.#options.pinned()
    if (this.#shape?.topicId !== topicId) {
      this.#shape = { topicId, shape: await session.inTime(readTableShape(session, topicId)) }
    }
    return this.#shape.shape
  }

  async #reserve(session: Session, shape: TableShape, ranges: readonly ReadyRange[]): Promise<number[] | null> {
    const count = ranges.reduce((sum, { logs }) => sum + logs.length, 0)
    if (shape.idSequence === null || count === 0 || !this.#options.reserveIds()) return null
    const answer = session.query<{ id: string }>(
      'select nextval($1::regclass) as id from generate_series(1, $2::int)',
      [shape.idSequence, count],
    )
    return (await session.inTime(answer)).rows.map(({ id }) => Number(id))
  }

  async #packed(ranges: readonly ReadyRange[]): Promise<PackedSnapshot[]> {
    const { pack = packedState } = this.#options
    const packed: PackedSnapshot[] = []
    for (const { snapshot } of ranges) {
      if (snapshot === null) continue
      const { state, ...of } = snapshot
      packed.push({ ...of, packed: await pack(state) })
    }
    return packed
  }

  #encode(
    ranges: readonly ReadyRange[],
    shape: TableShape,
    ids: readonly number[] | null,
    snapshots: readonly PackedSnapshot[],
  ): { text: string; files: CopyData[] } {
    const statements: string[] = []
    const files: CopyData[] = []
    if (ranges.some(({ logs }) => logs.length > 0)) {
      const columns = ids === null ? shape.columns : ['"log_id"', ...shape.columns]
      statements.push(`copy logs (${columns.join(', ')}) from stdin (format binary);`)
      files.push(this.#rowsOf(ranges, shape, ids))
    }
    if (ranges.some(({ rejects }) => rejects.length > 0)) {
      statements.push(`copy ingest_dead_letter (${DEAD_LETTER_COLUMNS}) from stdin (format binary);`)
      files.push(this.#encodeDead(ranges))
    }
    if (snapshots.length > 0) {
      statements.push(`copy detector_snapshot (${SNAPSHOT_COLUMNS}) from stdin (format binary);`)
      files.push(snapshotFile(snapshots, this.#scope()))
    }
    for (const ready of ranges) statements.push(this.#gapSql(ready))
    if (ranges.some(({ alerts }) => alerts.length > 0)) statements.push(serviceAlertsSql(ranges, this.#key()))
    statements.push(aggregatesSql(groupsOf(ranges, roundHalfEven)), this.#advanceSql(ranges))
    return { text: statements.join('\n'), files }
  }

  #rowsOf(ranges: readonly ReadyRange[], { columns, write }: TableShape, ids: readonly number[] | null): CopyData {
    return logRows(this.#rows, ROWS_BYTES_KEPT, { ranges, fields: columns.length, write, ids })
  }

  #encodeDead(ranges: readonly ReadyRange[]): Buffer {
    const { deadLetterBytesMax: bytesMax, decodeHeaders } = this.#options
    const scope = { ...this.#scope(), bytesMax, decodeHeaders }
    this.#dead.start(DEAD_BYTES_KEPT)
    for (const { logs, rejects } of ranges) {
      if (rejects.length === 0) continue
      const stored = offsetsOf(logs)
      for (const reject of rejects) writeDeadLetter(this.#dead, reject, { ...scope, alone: !stored.has(reject.offset) })
    }
    return this.#dead.finish()
  }

  #key(): string {
    return `${this.#names}, ${whole(this.#options.pinned().incarnation)}`
  }

  #scope(): { namespace: string; topic: string; incarnation: number } {
    const { namespace, topic, pinned } = this.#options
    return { namespace, topic, incarnation: pinned().incarnation }
  }

  #gapSql({ range }: ReadyRange): string {
    if (range.gap === null) return ''
    const { from, to, reason } = range.gap
    return `insert into ingest_gap (namespace, topic, incarnation, part, from_offset, to_offset, reason)
values (${this.#key()}, ${whole(range.partition)}, ${whole(from)}, ${whole(to)}, '${reason}')
on conflict do nothing;`
  }

  /** The fence: last, so that a worker stopped before it holds no lock of the ledger. */
  #advanceSql(ranges: readonly ReadyRange[]): string {
    const sorted = [...ranges].sort((a, b) => a.range.partition - b.range.partition)
    const tallies = sorted.map(tally)
    const counted = (name: keyof Tally): string => wholes(tallies, (each) => each[name], 'bigint')
    const bigints = (of: (each: ReadyRange) => number | null): string => wholes(sorted, of, 'bigint')
    const integers = (of: (each: ReadyRange) => number | null): string => wholes(sorted, of, 'integer')
    const arrays = [
      integers(({ range }) => range.partition),
      bigints(({ range }) => range.epoch),
      bigints(({ range }) => range.from),
      bigints(({ range }) => range.to),
      counted('records'),
      counted('dead'),
      counted('deadItems'),
      counted('skipped'),
      counted('holes'),
      counted('gaps'),
      counted('rows'),
      integers(({ range }) => range.tail?.leaderEpoch ?? null),
      bigints(({ range }) => range.tail?.offset ?? null),
      bigints(({ range }) => range.tail?.timestamp ?? null),
      bigints(({ range }) => range.tail?.crc ?? null),
    ]
    return `select ingest_advance(${this.#key()}, ${arrays.join(', ')});`
  }
}

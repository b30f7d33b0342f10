/**
 * bytes -> normalize -> COPY encoding, and on request PostgreSQL and back: never a throw, never over 50 ms for 1 MiB, each record
 * one outcome, a log that was read the short way has the row that it has read the long way, and what the encoder accepts the database accepts and gives
 * back equal.
 */
import type pg from 'pg'
import type { Random } from '../../src/demo/random.ts'
import { epochMs, type RawRecord, type ScoredLog } from '../../src/log.ts'
import { LogPool, PooledLog } from '../../src/log-pool.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import type { PartitionRange } from '../../src/pipeline.ts'
import { BinaryRows, storableText } from '../../src/postgres/binary-rows.ts'
import { runCopy } from '../../src/postgres/copy-in.ts'
import { roundHalfEven } from '../../src/postgres/round-half-even.ts'
import { standardRow } from '../../src/postgres/standard-row.ts'
import { readTableShape, type TableShape } from '../../src/postgres/table-shape.ts'
import { message } from './mutations.ts'
import { stopwatch } from './stopwatch.ts'

const RECORDS = 256
const COLUMNS = 15
export const SLOW_MS = 50
const NOW = 1_764_720_000_000
const [OPEN, CLOSE] = [Buffer.from('['), Buffer.from(']')] as const

export interface Finding {
  readonly what: string
  /** The message as base64; null: a tombstone. */
  readonly input: string | null
}

const pool = new LogPool()
const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => NOW)
const normalizePooled = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => NOW, pool)
const write = standardRow(1)
const rows = new BinaryRows(1 << 20)

export function rangeOf(
  values: readonly (Buffer | null)[],
  timestamps: (at: number) => number = () => NOW,
): PartitionRange {
  const records = values.map(
    (value, at): RawRecord => ({ offset: at, timestamp: epochMs(timestamps(at)), key: null, value, headers: null }),
  )
  return {
    partition: 0,
    assignment: 1,
    epoch: 1,
    from: 0,
    to: records.length,
    records,
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store',
  }
}

function scored(range: PartitionRange, read = normalize): ScoredLog[] {
  return read(range).events.map((event) => ({
    event,
    score: 0.5,
    isAnomaly: false,
    source: 'rules',
    explanation: null,
  }))
}

/** One message by itself: what is wrong with its outcome, or null. */
export function judge(value: Buffer | null): string | null {
  const tookMs = stopwatch()
  try {
    const { events, rejects, skips } = normalize(rangeOf([value]))
    const skipped = Object.values(skips).reduce((sum, count) => sum + count, 0)
    if (events.length + rejects.length + skipped === 0) return 'no outcome'
    if (skipped > 0 && events.length + rejects.length > 0) return 'skipped and not skipped'
    encode(events.map((event) => ({ event, score: 0.5, isAnomaly: false, source: 'rules', explanation: null })))
    if (!hasOneRow([value])) return 'read the short way it is another row'
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  const ms = tookMs()
  return ms > SLOW_MS && (value?.length ?? 0) <= 1 << 20 ? `took ${Math.round(ms)} ms` : null
}

function encode(logs: readonly ScoredLog[]): Buffer {
  rows.start(1 << 20)
  for (const log of logs) {
    rows.row(COLUMNS)
    write(rows, log)
  }
  return rows.finish()
}

/** Whether logs from the pool have the rows of those that are not, and of those that JSON.parse reads: no array is read the short way. */
function hasOneRow(values: readonly (Buffer | null)[]): boolean {
  const alone = Buffer.from(encode(scored(rangeOf(values))))
  const logs = scored(rangeOf(values), normalizePooled)
  const same = alone.equals(encode(logs))
  const pooled = logs.filter(({ event }) => event instanceof PooledLog)
  const short = Buffer.from(encode(pooled))
  const read = new Set(pooled.map(({ event }) => event.offset))
  pool.release(logs)
  const long = values.map((value, at) => (value !== null && read.has(at) ? inArray(value) : null))
  return same && short.equals(encode(scored(rangeOf(long))))
}

function inArray(value: Buffer): Buffer {
  return Buffer.concat([OPEN, value, CLOSE])
}

/** Whether any of them is thrown at or wrong; what JSON.parse says of each bad one needs no stack. */
function fails(values: readonly (Buffer | null)[]): boolean {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return !hasOneRow(values)
  } catch {
    return true
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

/** So many messages from the seed's stream; the findings, each with its input. */
export function fuzzMessages(random: Random, count: number): Finding[] {
  const findings: Finding[] = []
  for (let done = 0; done < count; done += RECORDS) {
    const values = Array.from({ length: Math.min(RECORDS, count - done) }, () => message(random))
    const tookMs = stopwatch()
    const failed = fails(values)
    if (!failed && tookMs() < SLOW_MS) continue
    for (const value of values) {
      // A collection of garbage may fall into one of them; an input that is slow is slow again.
      let what = judge(value)
      if (what?.startsWith('took') === true) what = judge(value) === null ? null : judge(value)
      if (what !== null) findings.push({ what, input: value?.toString('base64') ?? null })
    }
  }
  return findings
}

/** A batch of them through a real table (migrated, standing alone) and back. */
export async function throughPostgres(client: pg.Client, random: Random, count: number): Promise<Finding[]> {
  const values = Array.from({ length: count }, () => message(random))
  const logs = scored(rangeOf(values, () => (random.next() < 0.1 ? -1 : NOW - random.below(1e9))))
  const shape = await readTableShape(client, 1)
  await client.query('truncate logs')
  const rejected = await copy(client, shape, logs).then(
    () => null,
    (error: Error & { where?: string }) => `${error.message} ${error.where ?? ''}`,
  )
  if (rejected !== null) {
    const line = Number(/COPY logs, line (\d+)/.exec(rejected)?.[1] ?? 1)
    const offset = logs[line - 1]?.event.offset ?? 0
    return [
      {
        what: `PostgreSQL refused what the encoder took: ${rejected}`,
        input: values[offset]?.toString('base64') ?? null,
      },
    ]
  }
  const wrong = await differing(client, logs)
  return wrong.map(({ offset, what }) => ({
    what: `read back otherwise: ${what}`,
    input: values[offset]?.toString('base64') ?? null,
  }))
}

async function copy(client: pg.Client, shape: TableShape, logs: readonly ScoredLog[]): Promise<void> {
  const text = `copy logs (${shape.columns.join(', ')}) from stdin (format binary);`
  rows.start(1 << 20)
  for (const log of logs) {
    rows.row(shape.columns.length)
    shape.write(rows, log)
  }
  await runCopy(client, text, [rows.finish()])
}

async function differing(client: pg.Client, logs: readonly ScoredLog[]): Promise<{ offset: number; what: string }[]> {
  const text = (value: string | null): string | null => (value === null ? null : storableText(value))
  const events = logs.map(({ event }) => event)
  const { rows: found } = await client.query<{ o: string; what: string }>(
    `select e.o::text, concat_ws(', ',
              case when l.kafka_offset is null then 'missing' end,
              case when l.service is distinct from e.service then 'service' end,
              case when l.level is distinct from e.level then 'level' end,
              case when l.message is distinct from e.message then 'message' end,
              case when l.user_id is distinct from e.user_id then 'user_id' end,
              case when l.latency_ms is distinct from e.latency then 'latency_ms' end,
              case when (extract(epoch from l.created_at) * 1000000)::bigint is distinct from e.micros then 'created_at' end,
              case when l.metadata is distinct from e.metadata::jsonb then 'metadata' end) as what
       from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::bigint[], $9::text[])
            as e(o, item, service, level, message, user_id, latency, micros, metadata)
       left join logs l on l.kafka_offset = e.o and l.item = e.item
      where (l.service, l.level, l.message, l.user_id, l.latency_ms, (extract(epoch from l.created_at) * 1000000)::bigint, l.metadata)
            is distinct from (e.service, e.level, e.message, e.user_id, e.latency, e.micros, e.metadata::jsonb)`,
    [
      events.map(({ offset }) => offset),
      events.map(({ item }) => item),
      events.map(({ service }) => text(service)),
      events.map(({ level }) => level),
      events.map(({ message: each }) => text(each)),
      events.map(({ userId }) => text(userId)),
      events.map(({ latencyMs }) => (latencyMs === null ? null : roundHalfEven(latencyMs))),
      events.map(({ createdAt }) => Math.round(createdAt * 1000)),
      events.map(({ metadata }) => metadata),
    ],
  )
  return found.map(({ o, what }) => ({ offset: Number(o), what }))
}

/**
 * The judge. An independent reader (librdkafka, through kcat) says what Kafka holds; our normalizer, offline, says what must become
 * of each record; SQL says what did. And a worker without faults stores the same topic into another database: both tables must be
 * equal in every column that is a function of the records, scores and explanations included.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { epochMs, type RawRecord } from '../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import { roundHalfEven } from '../../src/postgres/standard-row.ts'

export type Query = <R extends Record<string, unknown>>(text: string, database?: string) => Promise<R[]>

export interface Verdict {
  readonly records: number
  readonly rows: number
  readonly deadLetters: number
  readonly lost: number
  readonly duplicated: number
  readonly altered: number
  /** Sentences, at most 20. */
  readonly differences: readonly string[]
}

/** All visible records of one partition, in order. Committed ones only; null values are tombstones. */
export async function readPartition(broker: string, topic: string, partition: number): Promise<RawRecord[]> {
  const args = [
    '-C',
    '-b',
    broker,
    '-t',
    topic,
    '-p',
    String(partition),
    '-o',
    'beginning',
    '-e',
    '-q',
    '-D',
    '',
    '-X',
    'isolation.level=read_committed',
    '-f',
    '%o %T %S %s',
  ]
  const child = spawn('kcat', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`kcat ended with ${code}`)
  return parse(Buffer.concat(chunks))
}

function parse(dump: Buffer): RawRecord[] {
  const records: RawRecord[] = []
  for (let at = 0; at < dump.length; ) {
    const numbers: number[] = []
    for (let field = 0; field < 3; field++) {
      const end = dump.indexOf(0x20, at)
      numbers.push(Number(dump.toString('latin1', at, end)))
      at = end + 1
    }
    const [offset = 0, timestamp = 0, size = 0] = numbers
    const value = size < 0 ? null : dump.subarray(at, at + size)
    at += Math.max(0, size)
    records.push({ offset, timestamp: epochMs(timestamp), key: null, value, headers: null })
  }
  return records
}

interface Expected {
  readonly rows: Map<string, string>
  readonly dead: Map<string, string>
  skipped: number
}

function hash(parts: readonly unknown[]): string {
  return createHash('md5').update(parts.join('\u001f')).digest('hex')
}

/** What must become of these records: rows and dead letters by their place. */
export function expectedOf(records: readonly RawRecord[], partition: number): Expected {
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => Date.now())
  const expected: Expected = { rows: new Map(), dead: new Map(), skipped: 0 }
  const last = records.at(-1)?.offset ?? -1
  const range = {
    partition,
    assignment: 0,
    epoch: 0,
    from: 0,
    to: last + 1,
    records,
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store' as const,
  }
  const { events, rejects, skips } = normalize(range)
  for (const event of events) {
    const latency = event.latencyMs === null ? '' : roundHalfEven(event.latencyMs)
    const parts = [
      event.service,
      event.level,
      event.message,
      latency,
      Math.round(event.createdAt * 1000),
      event.userId ?? '',
    ]
    expected.rows.set(`${event.offset}/${event.item}`, hash(parts))
  }
  for (const { offset, item, reason } of rejects) expected.dead.set(`${offset}/${item}`, reason)
  expected.skipped = Object.values(skips).reduce((sum, count) => sum + count, 0)
  return expected
}

const ROW = `service, level, message, coalesce(latency_ms::text, '') as latency,
  (extract(epoch from created_at) * 1000000)::bigint::text as created, coalesce(user_id, '') as user_id`

/** One partition of the table against the records that Kafka holds. */
export async function checkPartition(query: Query, partition: number, records: readonly RawRecord[]): Promise<Verdict> {
  const expected = expectedOf(records, partition)
  const differences: string[] = []
  const seen = new Map<string, number>()
  let [rows, altered, duplicated, extra] = [0, 0, 0, 0]
  const last = records.at(-1)?.offset ?? -1
  for (let from = 0; from <= last; from += 50_000) {
    const found = await query<{
      o: string
      item: number
      service: string
      level: string
      message: string
      latency: string
      created: string
      user_id: string
    }>(
      `select kafka_offset as o, item, ${ROW} from logs where kafka_partition = ${partition} and kafka_offset >= ${from} and kafka_offset < ${from + 50_000}`,
    )
    for (const row of found) {
      rows++
      const place = `${row.o}/${row.item}`
      const times = (seen.get(place) ?? 0) + 1
      seen.set(place, times)
      const wanted = expected.rows.get(place)
      if (times > 1) duplicated++
      if (wanted === undefined) extra++
      else if (hash([row.service, row.level, row.message, row.latency, row.created, row.user_id]) !== wanted) altered++
      else continue
      if (differences.length < 5)
        differences.push(
          `partition ${partition} ${place}: ${wanted === undefined ? 'no such record' : times > 1 ? `stored ${times} times` : 'altered'}`,
        )
    }
  }
  let lost = 0
  for (const place of expected.rows.keys()) {
    if (seen.has(place)) continue
    lost++
    if (differences.length < 5) differences.push(`partition ${partition} ${place}: lost`)
  }
  const letters = await query<{ o: string; item: number; reason: string }>(
    `select "offset" as o, item, reason from ingest_dead_letter where part = ${partition}`,
  )
  const found = new Map<string, string>()
  for (const { o, item, reason } of letters) {
    if (found.has(`${o}/${item}`)) duplicated++
    found.set(`${o}/${item}`, reason)
  }
  for (const [place, reason] of expected.dead) {
    if (found.get(place) === reason) continue
    lost++
    if (differences.length < 10)
      differences.push(`partition ${partition} ${place}: dead letter ${reason} is ${found.get(place) ?? 'missing'}`)
  }
  if (found.size > expected.dead.size) extra += found.size - expected.dead.size
  if (extra > 0) differences.push(`partition ${partition}: ${extra} rows or dead letters of no record`)
  return {
    records: records.length,
    rows,
    deadLetters: letters.length,
    lost,
    duplicated,
    altered: altered + extra,
    differences,
  }
}

/** Everything that is a function of the records. */
const PURE = `concat_ws('|', service, level, message, latency_ms, anomaly_score::text, is_anomaly, extract(epoch from created_at), user_id,
  metadata::text, item, score_source, explanation::text)`
const BLOCKS = `select kafka_partition as part, kafka_offset / 5000 as block, count(*)::int as n,
  md5(string_agg(md5(${PURE}), '' order by kafka_offset, item)) as sum from logs group by 1, 2 order by 1, 2`
const AGGREGATES = `select md5(string_agg(line, '' order by line)) as sum from (
  select concat_ws('|', service, minute_bucket, sum(total_logs), sum(error_count), sum(latency_sum), sum(latency_count), sum(anomaly_count)) as line
    from log_aggregates group by service, minute_bucket) each`

/** Sentences where the table and that of the run without faults differ. */
export async function compareWithReference(query: Query): Promise<string[]> {
  type Block = { part: number; block: string; n: number; sum: string }
  const [ours, theirs] = [await query<Block>(BLOCKS), await query<Block>(BLOCKS, 'reference')]
  const wanted = new Map(theirs.map((each) => [`${each.part}/${each.block}`, each]))
  const differences: string[] = []
  for (const { part, block, n, sum } of ours) {
    const other = wanted.get(`${part}/${block}`)
    wanted.delete(`${part}/${block}`)
    if (other?.sum === sum && other.n === n) continue
    differences.push(
      `partition ${part}, offsets ${Number(block) * 5000} and on: ${await firstDifference(query, part, Number(block))}`,
    )
    if (differences.length >= 10) return differences
  }
  for (const place of wanted.keys()) differences.push(`block ${place} is missing`)
  const [a, b] = [await query<{ sum: string }>(AGGREGATES), await query<{ sum: string }>(AGGREGATES, 'reference')]
  if (a[0]?.sum !== b[0]?.sum) differences.push('log_aggregates differ')
  return differences
}

async function firstDifference(query: Query, part: number, block: number): Promise<string> {
  const rows = `select kafka_offset as o, item, ${PURE} as line from logs where kafka_partition = ${part}
    and kafka_offset >= ${block * 5000} and kafka_offset < ${(block + 1) * 5000} order by 1, 2`
  type Row = { o: string; item: number; line: string }
  const [ours, theirs] = [await query<Row>(rows), await query<Row>(rows, 'reference')]
  const at = ours.findIndex(({ line, o }, index) => theirs[index]?.line !== line || theirs[index]?.o !== o)
  return `${ours.length} rows and ${theirs.length} without faults; first at ${ours[at]?.o}: ${ours[at]?.line} | without faults: ${theirs[at]?.line}`
}

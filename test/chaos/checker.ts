/**
 * The judge. An independent reader says what Kafka holds (kafka-dump.ts); our normalizer, offline, says what must become
 * of each record; SQL says what did. And a worker without faults stores the same topic into another database: both tables must be
 * equal in every column that is a function of the records, scores and explanations included.
 */
import type { RawRecord } from '../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import { roundHalfEven } from '../../src/postgres/round-half-even.ts'

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

interface Expected {
  readonly rows: Map<string, string>
  readonly dead: Map<string, string>
}

/** The fields of a row that are functions of the record alone, as one text. */
function line(parts: readonly unknown[]): string {
  return parts.join('\u001f')
}

/** What must become of these records: rows and dead letters by their place. */
export function expectedOf(records: readonly RawRecord[], partition: number): Expected {
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => Date.now())
  const expected: Expected = { rows: new Map(), dead: new Map() }
  const range = {
    partition,
    assignment: 0,
    epoch: 0,
    from: records[0]?.offset ?? 0,
    to: (records.at(-1)?.offset ?? -1) + 1,
    records,
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store' as const,
  }
  const { events, rejects } = normalize(range)
  for (const event of events) {
    const latency = event.latencyMs === null ? '' : roundHalfEven(event.latencyMs)
    const created = Math.round(event.createdAt * 1000)
    const parts = [event.service, event.level, event.message, latency, created, event.userId ?? '']
    expected.rows.set(`${event.offset}/${event.item}`, line(parts))
  }
  for (const { offset, item, reason } of rejects) expected.dead.set(`${offset}/${item}`, reason)
  return expected
}

const ROW = `service, level, message, coalesce(latency_ms::text, '') as latency,
  (extract(epoch from created_at) * 1000000)::bigint::text as created, coalesce(user_id, '') as user_id`

type Row = Readonly<Record<'service' | 'level' | 'message' | 'latency' | 'created' | 'user_id', string>>

/** One partition of the tables against the records that Kafka holds, given in order, slice by slice. */
export async function checkPartition(
  query: Query,
  partition: number,
  slices: AsyncIterable<readonly RawRecord[]> | Iterable<readonly RawRecord[]>,
): Promise<Verdict> {
  const tally = new Tally(partition)
  let from = 0
  for await (const records of slices) {
    const to = (records.at(-1)?.offset ?? from - 1) + 1
    tally.records += records.length
    await checkSlice(query, tally, records, { from, to })
    from = to
  }
  // What lies behind the last record belongs to none.
  await checkSlice(query, tally, [], { from, to: Number.MAX_SAFE_INTEGER })
  return tally.verdict
}

async function checkSlice(
  query: Query,
  tally: Tally,
  records: readonly RawRecord[],
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const { partition } = tally
  const expected = expectedOf(records, partition)
  const rows = await query<Row & { o: string; item: number }>(
    `select kafka_offset as o, item, ${ROW} from logs where kafka_partition = ${partition} and kafka_offset >= ${from} and kafka_offset < ${to}`,
  )
  for (const { o, item, ...row } of rows) {
    const found = line([row.service, row.level, row.message, row.latency, row.created, row.user_id])
    tally.row(`${o}/${item}`, found, expected.rows)
  }
  tally.missing(expected.rows)
  const letters = await query<{ o: string; item: number; reason: string }>(
    `select "offset" as o, item, reason from ingest_dead_letter where part = ${partition} and "offset" >= ${from} and "offset" < ${to}`,
  )
  tally.deadLetters(
    new Map(letters.map(({ o, item, reason }) => [`${o}/${item}`, reason])),
    letters.length,
    expected.dead,
  )
}

/** Counts what is not as it should be, and tells the first few. */
class Tally {
  readonly partition: number
  records = 0
  #rows = 0
  #letters = 0
  #lost = 0
  #duplicated = 0
  #altered = 0
  #extra = 0
  readonly #differences: string[] = []
  /** Of the slice at hand. */
  readonly #seen = new Map<string, number>()

  constructor(partition: number) {
    this.partition = partition
  }

  row(place: string, found: string, expected: ReadonlyMap<string, string>): void {
    this.#rows++
    const times = (this.#seen.get(place) ?? 0) + 1
    this.#seen.set(place, times)
    const wanted = expected.get(place)
    if (times > 1) this.#duplicated++
    if (wanted === undefined) this.#extra++
    else if (found !== wanted) this.#altered++
    else if (times === 1) return
    this.#tell(place, wanted === undefined ? 'no such record' : times > 1 ? `stored ${times} times` : 'altered')
  }

  /** The slice is over. */
  missing(expected: ReadonlyMap<string, string>): void {
    for (const place of expected.keys()) {
      if (this.#seen.has(place)) continue
      this.#lost++
      this.#tell(place, 'lost')
    }
    this.#seen.clear()
  }

  deadLetters(found: ReadonlyMap<string, string>, count: number, expected: ReadonlyMap<string, string>): void {
    this.#letters += count
    this.#duplicated += count - found.size
    for (const [place, reason] of expected) {
      if (found.get(place) === reason) continue
      this.#lost++
      this.#tell(place, `dead letter ${reason} is ${found.get(place) ?? 'missing'}`)
    }
    for (const place of found.keys()) {
      if (expected.has(place)) continue
      this.#extra++
      this.#tell(place, 'a dead letter of no bad record')
    }
  }

  get verdict(): Verdict {
    const extra = `partition ${this.partition}: ${this.#extra} rows or dead letters of no record`
    return {
      records: this.records,
      rows: this.#rows,
      deadLetters: this.#letters,
      lost: this.#lost,
      duplicated: this.#duplicated,
      altered: this.#altered + this.#extra,
      differences: [...this.#differences, ...(this.#extra > 0 ? [extra] : [])],
    }
  }

  #tell(place: string, what: string): void {
    if (this.#differences.length < 10) this.#differences.push(`partition ${this.partition} ${place}: ${what}`)
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

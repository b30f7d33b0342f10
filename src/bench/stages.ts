/**
 * What one log costs in each stage between Kafka's bytes and PostgreSQL's: CPU and garbage, beside a loop that every machine knows,
 * JSON.parse of the same messages. Ratios to that loop of the same round travel between machines; microseconds don't.
 */
import { Random } from '../demo/random.ts'
import { epochMs, type LogEvent, type ScoredLog } from '../log.ts'
import { LogPool } from '../log-pool.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../normalize/limits.ts'
import { createNormalizer } from '../normalize/normalize-range.ts'
import { PackedRecord, PackedRecords } from '../packed-records.ts'
import type { PartitionRange } from '../pipeline.ts'
import { BinaryRows } from '../postgres/binary-rows.ts'
import { logRows, type RowsToWrite } from '../postgres/log-rows.ts'
import { standardRow } from '../postgres/standard-row.ts'
import { ModelScorer } from '../scoring/model-scorer.ts'
import { benchLog, type LogShape, USUAL_SHAPE } from './logs.ts'

export const STAGES = ['parse', 'normalize', 'score', 'encode'] as const
export type Stage = (typeof STAGES)[number]

export interface StageFigure {
  /** CPU of the whole process, its garbage collection included, in microseconds a log: the least of the rounds. */
  readonly microseconds: number
  /** Over that of `parse`. */
  readonly ratio: number
  /** Bytes allocated on the heap a log; null where a collection came between (`--max-semi-space-size` keeps it away). */
  readonly bytes: number | null
}

const BATCH_ROWS = 5_000
const FIELDS = 15
/** As the service keeps. */
const ROWS_BYTES_KEPT = 32 << 20

/** Of some logs together. */
interface Sample {
  readonly microseconds: number
  readonly bytes: number | null
}

/** One round of logs through all stages, batch by batch as in the service, where the objects of a batch are used again. */
class Line {
  readonly #pool = new LogPool()
  readonly #normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, Date.now, this.#pool)
  readonly #scorer = new ModelScorer({ servicesMax: 2_000 })
  readonly #write = standardRow(1)
  readonly #rows = new BinaryRows(8 << 20)
  #events: readonly LogEvent[] = []
  #logs: readonly ScoredLog[] = []

  async run(stage: Stage, range: PartitionRange): Promise<void> {
    switch (stage) {
      case 'parse':
        return parseAll(range)
      case 'normalize':
        this.#events = this.#normalize(range).events
        return
      case 'score':
        this.#logs = this.#scorer.judge(this.#events)
        return
      case 'encode':
        for (const piece of logRows(this.#rows, ROWS_BYTES_KEPT, this.#toWrite())) read += piece.length
    }
  }

  #toWrite(): RowsToWrite {
    return { ranges: [{ logs: this.#logs }], fields: FIELDS, write: this.#write, ids: null }
  }

  stored(): void {
    this.#pool.release(this.#logs)
  }
}

/** `logs` a round, each round of later logs, one round first that does not count. */
export async function measureStages({
  logs,
  rounds,
  shape = USUAL_SHAPE,
}: {
  logs: number
  rounds: number
  shape?: LogShape
}): Promise<Record<Stage, StageFigure>> {
  const line = new Line()
  const random = new Random(1)
  const samples: Record<Stage, Sample[]> = { parse: [], normalize: [], score: [], encode: [] }
  for (let round = 0; round <= rounds; round++) {
    const ranges = rangesOf(random, shape, { from: round * logs, logs })
    const sums: Record<Stage, Sample> = { parse: NOTHING, normalize: NOTHING, score: NOTHING, encode: NOTHING }
    for (const range of ranges) {
      for (const stage of STAGES) sums[stage] = added(sums[stage], await measured(() => line.run(stage, range)))
      line.stored()
    }
    if (round > 0) for (const stage of STAGES) samples[stage].push(sums[stage])
  }
  const least = (of: readonly Sample[]): number => Math.min(...of.map(({ microseconds }) => microseconds)) / logs
  const parse = least(samples.parse)
  const figure = (stage: Stage): StageFigure => {
    const bytes = samples[stage].map((each) => each.bytes).filter((each) => each !== null)
    const microseconds = least(samples[stage])
    return { microseconds, ratio: microseconds / parse, bytes: bytes.length === 0 ? null : Math.min(...bytes) / logs }
  }
  return { parse: figure('parse'), normalize: figure('normalize'), score: figure('score'), encode: figure('encode') }
}

const NOTHING: Sample = { microseconds: 0, bytes: 0 }

function added(sum: Sample, one: Sample): Sample {
  const bytes = sum.bytes === null || one.bytes === null ? null : sum.bytes + one.bytes
  return { microseconds: sum.microseconds + one.microseconds, bytes }
}

/**
 * Nothing is collected on purpose: a full collection while no record or log is alive takes the shapes of both with it, and the
 * compiled code of the normalizer, which then costs three times as much for a while. In the service some are always alive.
 */
async function measured(work: () => Promise<void>): Promise<Sample> {
  const heap = process.memoryUsage().heapUsed
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  const grown = process.memoryUsage().heapUsed - heap
  return { microseconds: user + system, bytes: grown >= 0 ? grown : null }
}

/** What it reads must be used, or nothing would be. */
let read = 0
function parseAll({ records }: PartitionRange): void {
  for (const record of records) {
    if (!(record instanceof PackedRecord)) throw new TypeError('records are packed here')
    const { bytes, valueAt, valueBytes } = record
    const log = JSON.parse(bytes.toString('utf8', valueAt, valueAt + valueBytes)) as {
      message: string
      latency_ms: number
    }
    read += log.message.length + log.latency_ms
  }
  if (read < 0) throw new RangeError('nothing was read')
}

/** As they lie in a record batch, at consecutive offsets. */
function packed(values: readonly Buffer[], from: number): PackedRecords {
  const records = new PackedRecords()
  records.begin(Buffer.concat(values), values.length)
  let valueAt = 0
  for (const { length: valueBytes } of values) {
    const parts = { keyAt: 0, keyBytes: -1, valueAt, valueBytes, headersAt: 0, headersBytes: -1 }
    const offset = from + records.length
    records.push(offset, epochMs(Date.UTC(2026, 0, 5) + offset), parts)
    valueAt += valueBytes
  }
  return records
}

function rangesOf(
  random: Random,
  shape: LogShape,
  { from, logs }: { readonly from: number; readonly logs: number },
): PartitionRange[] {
  const ranges: PartitionRange[] = []
  for (let at = from; at < from + logs; at += BATCH_ROWS) {
    const values = Array.from({ length: Math.min(BATCH_ROWS, from + logs - at) }, (_, i) =>
      benchLog(random, at + i, shape),
    )
    const records = packed(values, at)
    const to = at + records.length
    const purpose = 'store' as const
    ranges.push({
      partition: 0,
      assignment: 1,
      epoch: 1,
      from: at,
      to,
      records,
      holes: 0,
      gap: null,
      tail: null,
      purpose,
    })
  }
  return ranges
}

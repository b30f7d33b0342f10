/**
 * A stretch of a topic, read without a group: partition by partition, from an offset or a time to where it ends when the reading
 * begins. Moves nobody's position.
 */

import { ProcessorError } from '../errors.ts'
import { PackedRecords } from '../packed-records.ts'
import type { PartitionRange } from '../pipeline.ts'
import { errorName } from './error-name.ts'
import { type RecordRange, readRange } from './record-range.ts'
import type { FetchedPartition, KafkaTransport, LogTransport } from './transport.ts'

export interface TopicRangeOptions {
  readonly transport: KafkaTransport
  readonly topic: string
  /** Only these partitions, each from an offset until another (exclusive); null: all of them. */
  readonly offsets: ReadonlyMap<number, { readonly from: number; readonly to: number }> | null
  /** Where `offsets` says nothing: from the first record with this time or a later one, in ms since 1970; null: from the beginning. */
  readonly sinceMs: number | null
  /** Waits before something is asked again. */
  readonly sleep: (ms: number) => Promise<void>
}

const EARLIEST = -2
const LATEST = -1
const OFFSET_OUT_OF_RANGE = 1
const FETCH_BYTES = 4 << 20
const FETCH_BYTES_MAX = 64 << 20
const MAX_WAIT_MS = 500
const TRIES = 20
const RETRY_MS = 250

/** Rejects as the transport does, and with KAFKA_TOPIC_MISSING, KAFKA_CORRUPT_BATCH or KAFKA_STALLED. */
export async function* topicRange(options: TopicRangeOptions): AsyncGenerator<PartitionRange> {
  const log = await options.transport.openLog()
  try {
    for (const reading of await readings(log, options)) yield* reading.ranges()
  } finally {
    await log.close().catch(() => undefined)
  }
}

/** Offsets that lie in the stretch, by partition. Rejects as topicRange does. */
export async function topicRangeSizes(options: TopicRangeOptions): Promise<Map<number, number>> {
  const log = await options.transport.openLog()
  try {
    const sizes = new Map<number, number>()
    for (const reading of await readings(log, options)) {
      const { from, to } = await reading.bounds()
      sizes.set(reading.partition, Math.max(0, to - from))
    }
    return sizes
  } finally {
    await log.close().catch(() => undefined)
  }
}

async function readings(log: LogTransport, options: TopicRangeOptions): Promise<PartitionReading[]> {
  const { partitions } = await log.metadata(options.topic)
  if (partitions === null) throw new ProcessorError('KAFKA_TOPIC_MISSING', `there is no topic ${options.topic}`)
  const wanted = partitions.map(({ partition }) => partition).filter((each) => options.offsets?.has(each) ?? true)
  return wanted.sort((a, b) => a - b).map((partition) => new PartitionReading(log, options, partition))
}

class PartitionReading {
  readonly #log: LogTransport
  readonly #options: TopicRangeOptions
  readonly partition: number
  #leader = { leader: -1, leaderEpoch: -1 }
  #bytes = FETCH_BYTES
  #failures = 0

  constructor(log: LogTransport, options: TopicRangeOptions, partition: number) {
    this.#log = log
    this.#options = options
    this.partition = partition
  }

  /** Both are the log's end where no record is as young as wanted. */
  async bounds(): Promise<{ from: number; to: number }> {
    await this.#findLeader()
    const { sinceMs, offsets } = this.#options
    const wanted = offsets?.get(this.partition)
    const end = await this.#offsetAt(LATEST)
    const to = Math.min(wanted?.to ?? end, end)
    const from = wanted?.from ?? (await this.#offsetAt(sinceMs ?? EARLIEST))
    return { from: from < 0 ? to : from, to }
  }

  async *ranges(): AsyncGenerator<PartitionRange> {
    let { from, to } = await this.bounds()
    while (from < to) {
      const range = await this.#read(from)
      if (range === null) continue
      const records = [...range.records].filter(({ offset }) => offset < to)
      const until = Math.min(range.to, to)
      if (records.length > 0) yield { ...NOTHING, partition: this.partition, from, to: until, records }
      // Between two batches nothing is left but what compaction took.
      from = range.gapTo ?? range.to
    }
  }

  /** What the log holds from here on; null when it has to be asked once more. */
  async #read(from: number): Promise<RecordRange | null> {
    const answer = await this.#fetch(from)
    if (answer.errorCode === OFFSET_OUT_OF_RANGE) {
      const earliest = await this.#offsetAt(EARLIEST)
      if (earliest <= from) return this.#again(`offset ${from} is out of range`)
      return { ...EMPTY, from, to: earliest }
    }
    if (answer.errorCode !== 0) return this.#again(`the fetch was answered with ${errorName(answer.errorCode)}`)
    const range = readRange(answer, from, { plainBytesMax: FETCH_BYTES_MAX })
    if (range.error !== null && range.to === from) throw range.error
    if (range.truncated && this.#bytes < FETCH_BYTES_MAX) {
      this.#bytes *= 4
      return null
    }
    if (range.to === from && range.gapTo === null) return this.#again(`nothing comes at offset ${from}`)
    this.#failures = 0
    return range
  }

  async #fetch(offset: number): Promise<FetchedPartition> {
    const position = {
      partition: this.partition,
      offset,
      leaderEpoch: this.#leader.leaderEpoch,
      maxBytes: this.#bytes,
    }
    const limits = { maxWaitMs: MAX_WAIT_MS, minBytes: 1, maxBytes: this.#bytes }
    const request = { node: this.#leader.leader, topic: this.#options.topic, positions: [position], ...limits }
    const { errorCode, partitions } = await this.#log.fetch(request, new AbortController().signal)
    return (
      partitions.find((each) => each.partition === this.partition) ?? {
        partition: this.partition,
        errorCode: errorCode === 0 ? -1 : errorCode,
        highWatermark: -1,
        lastStableOffset: -1,
        logStartOffset: -1,
        abortedTransactions: [],
        batches: Buffer.alloc(0),
      }
    )
  }

  async #offsetAt(timestamp: number): Promise<number> {
    for (;;) {
      const asked = { partition: this.partition, leaderEpoch: this.#leader.leaderEpoch, timestamp }
      const request = { node: this.#leader.leader, topic: this.#options.topic, partitions: [asked] }
      const [answer] = await this.#log.listOffsets(request)
      if (answer?.errorCode === 0) return answer.offset
      await this.#again(`offsets were answered with error ${answer?.errorCode ?? 'none'}`)
    }
  }

  /** Another leader, perhaps. Throws KAFKA_STALLED when it has been tried often enough. */
  async #again(why: string): Promise<null> {
    if (++this.#failures >= TRIES) {
      throw new ProcessorError('KAFKA_STALLED', `partition ${this.partition} of ${this.#options.topic}: ${why}`)
    }
    await this.#options.sleep(RETRY_MS)
    await this.#findLeader()
    return null
  }

  async #findLeader(): Promise<void> {
    const { partitions } = await this.#log.metadata(this.#options.topic)
    const found = partitions?.find((each) => each.partition === this.partition)
    if (found !== undefined && found.leader >= 0) this.#leader = found
    else await this.#again('nobody leads it')
  }
}

const NOTHING = {
  assignment: 0,
  epoch: 0,
  holes: 0,
  gap: null,
  tail: null,
  purpose: 'store' as const,
}
const EMPTY: RecordRange = {
  from: 0,
  to: 0,
  records: PackedRecords.EMPTY,
  holes: 0,
  bytes: 0,
  plainBytes: 0,
  tail: null,
  gapTo: null,
  error: null,
  truncated: false,
  batchBytes: 0,
}

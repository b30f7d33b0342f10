/** Records by their position, for what is read again outside the pipeline: a dead letter whose bytes were cut, a topic to check. */
import { ProcessorError } from '../errors.ts'
import type { RawRecord } from '../log.ts'
import { errorName } from './error-name.ts'
import { type RecordRange, readRange } from './record-range.ts'
import type { KafkaTransport, LogTransport, TopicMetadata } from './transport.ts'

export interface RecordLookup {
  /** The record, or null where the log does not hold it (any more). Rejects as the transport does. */
  read(topic: string, partition: number, offset: number): Promise<RawRecord | null>
  /** All records of a partition from its start to its end as it is now, in order. Rejects as the transport does. */
  all(topic: string, partition: number): AsyncGenerator<readonly RawRecord[]>
  metadata(topic: string): Promise<TopicMetadata>
  /** First and last readable offset of every partition; `latest` is the one after the last. */
  ends(topic: string, end: 'earliest' | 'latest'): Promise<Map<number, number>>
  close(): Promise<void>
}

const FETCH_BYTES = 4 << 20
/** A record is at most as long as a broker lets it be; beyond this nobody waits for it. */
const FETCH_BYTES_MAX = 64 << 20
const MAX_WAIT_MS = 500
const OFFSET_OUT_OF_RANGE = 1
const LATEST = -1
const EARLIEST = -2

/** Connects at the first reading. */
export function recordLookup(transport: KafkaTransport): RecordLookup {
  let opened: Promise<LogTransport> | null = null
  const log = (): Promise<LogTransport> => {
    opened ??= transport.openLog().catch((error: unknown) => {
      opened = null
      throw error
    })
    return opened
  }
  const metadata = async (topic: string): Promise<TopicMetadata> => (await log()).metadata(topic)

  /** What one fetch brings from the offset on; null where the log does not hold it. */
  const fetchFrom = async (topic: string, partition: number, offset: number): Promise<RecordRange | null> => {
    const leader = (await metadata(topic)).partitions?.find((each) => each.partition === partition)
    if (leader === undefined) return null
    for (let bytes = FETCH_BYTES; ; bytes *= 4) {
      const position = { partition, offset, leaderEpoch: leader.leaderEpoch, maxBytes: bytes }
      const limits = { maxWaitMs: MAX_WAIT_MS, minBytes: 1, maxBytes: bytes }
      const request = { node: leader.leader, topic, positions: [position], ...limits }
      const answer = (await (await log()).fetch(request, new AbortController().signal)).partitions[0]
      if (answer?.errorCode === OFFSET_OUT_OF_RANGE) return null
      if (answer === undefined || answer.errorCode !== 0) {
        throw new ProcessorError('KAFKA_UNAVAILABLE', `Kafka answered Fetch with error ${answer?.errorCode ?? 'none'}`)
      }
      const range = readRange(answer, offset, { plainBytesMax: FETCH_BYTES_MAX })
      if (range.error !== null) throw range.error
      if (!(range.truncated && bytes < FETCH_BYTES_MAX)) return range
    }
  }

  const ends = async (topic: string, end: 'earliest' | 'latest'): Promise<Map<number, number>> => {
    const found = new Map<number, number>()
    const { partitions } = await metadata(topic)
    for (const { partition, leader, leaderEpoch } of partitions ?? []) {
      const asked = [{ partition, leaderEpoch, timestamp: end === 'latest' ? LATEST : EARLIEST }]
      for (const answer of await (await log()).listOffsets({ node: leader, topic, partitions: asked })) {
        if (answer.errorCode !== 0) {
          throw new ProcessorError(
            'KAFKA_UNAVAILABLE',
            `Kafka answered ListOffsets with ${errorName(answer.errorCode)}`,
          )
        }
        found.set(partition, answer.offset)
      }
    }
    return found
  }

  return {
    async read(topic, partition, offset) {
      const range = await fetchFrom(topic, partition, offset)
      const record = range?.records.at(0)
      return record?.offset === offset ? record : null
    },
    async *all(topic, partition) {
      const start = (await ends(topic, 'earliest')).get(partition) ?? 0
      const end = (await ends(topic, 'latest')).get(partition) ?? 0
      for (let at = start; at < end; ) {
        const range = await fetchFrom(topic, partition, at)
        if (range === null)
          throw new ProcessorError('KAFKA_LOG_TRUNCATED', `${topic}/${partition} no longer holds offset ${at}`)
        yield [...range.records].filter(({ offset }) => offset < end)
        // Nothing between two batches: compaction or a marker.
        at = range.to > at ? range.to : (range.gapTo ?? at)
      }
    },
    metadata,
    ends,
    close: () => transport.close(),
  }
}

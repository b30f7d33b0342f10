/** One record by its position, for what is read again by hand: a dead letter whose bytes were cut. */
import { ProcessorError } from '../errors.ts'
import type { RawRecord } from '../log.ts'
import { readRange } from './record-range.ts'
import type { KafkaTransport } from './transport.ts'

export interface RecordLookup {
  /** The record, or null where the log does not hold it (any more). Rejects as the transport does. */
  read(topic: string, partition: number, offset: number): Promise<RawRecord | null>
  close(): Promise<void>
}

const FETCH_BYTES = 4 << 20
/** A record is at most as long as a broker lets it be; beyond this nobody waits for it. */
const FETCH_BYTES_MAX = 64 << 20
const MAX_WAIT_MS = 500
const OFFSET_OUT_OF_RANGE = 1

/** Connects at the first reading. */
export function recordLookup(transport: KafkaTransport): RecordLookup {
  let opened: ReturnType<KafkaTransport['openLog']> | null = null
  return {
    async read(topic, partition, offset) {
      opened ??= transport.openLog()
      const log = await opened.catch((error: unknown) => {
        opened = null
        throw error
      })
      const leader = (await log.metadata(topic)).partitions?.find((each) => each.partition === partition)
      if (leader === undefined) return null
      for (let bytes = FETCH_BYTES; ; bytes *= 4) {
        const position = { partition, offset, leaderEpoch: leader.leaderEpoch, maxBytes: bytes }
        const limits = { maxWaitMs: MAX_WAIT_MS, minBytes: 1, maxBytes: bytes }
        const request = { node: leader.leader, topic, positions: [position], ...limits }
        const answer = (await log.fetch(request, new AbortController().signal)).partitions[0]
        if (answer?.errorCode === OFFSET_OUT_OF_RANGE) return null
        if (answer === undefined || answer.errorCode !== 0) {
          throw new ProcessorError(
            'KAFKA_UNAVAILABLE',
            `Kafka answered Fetch with error ${answer?.errorCode ?? 'none'}`,
          )
        }
        const range = readRange(answer, offset, { plainBytesMax: FETCH_BYTES_MAX })
        if (range.error !== null) throw range.error
        if (range.truncated && bytes < FETCH_BYTES_MAX) continue
        return range.records.find((record) => record.offset === offset) ?? null
      }
    },
    close: () => transport.close(),
  }
}

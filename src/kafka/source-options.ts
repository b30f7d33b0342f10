/** What a KafkaSource is made of: its settings, the ports it works through, and the world's time. */
import type { Events } from '../events.ts'
import type { Claim, Ledger } from '../ledger.ts'
import type { Time } from './pacing.ts'
import type { KafkaTransport } from './transport.ts'

/** The detector's memory of a partition, kept by the scorer. */
export interface Detector {
  /** The offset from which it must be given records; what lies before the claim's own is read again for it alone. */
  restore(claim: Claim): number
  drop(partition: number): void
}

export interface SourceOptions {
  readonly transport: KafkaTransport
  readonly ledger: Ledger
  readonly events: Events
  readonly detector: Detector
  readonly time: Time
  /**
   * Of the event loop, before each batch: a lane that is free takes what is ready, and its rows leave, before the next one keeps the
   * thread busy. Not after it was cut: a partition lost meanwhile would be scored from no memory, and stored while nobody else claims it.
   */
  readonly turn: () => Promise<unknown>

  readonly topic: string
  readonly groupId: string
  readonly startPolicy: 'latest' | 'earliest'
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  /** Bounds of what the tuner chooses: a batch is handed out when it has this many rows or bytes, or its oldest record waited so long. */
  readonly rowsMax: number
  readonly bytesMax: number
  readonly intervalMs: number
  readonly ageTargetMs: number
  /** The store's lanes: so many batches are stored at once, of other partitions each. */
  readonly lanes: number
  /** Fetching pauses when more is held than this, fetched or handed out; it goes on below 70 % of it. */
  readonly bufferBytesMax: number
  /** Long poll, and how much one answer may carry, in all and of one partition. */
  readonly fetchMaxWaitMs: number
  readonly fetchBytesMax: number
  readonly fetchPartitionBytesMax: number
  /** A record batch that is longer than this when decompressed is refused as corrupt. */
  readonly plainBytesMax: number
  /** What one answer may take when decompressed: the rest of it is asked for again. @default none */
  readonly answerPlainBytesMax?: number
  /** Told of each answer with large records once it was read: how many bytes it had of them. */
  readonly largeRecords?: (bytes: number) => void
}

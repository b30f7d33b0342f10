/**
 * The ledger as the Kafka side needs it: where each partition stands. PostgreSQL keeps it (src/postgres/ledger.ts); only the
 * Store's transactions advance it. All calls reject with a retriable ProcessorError while the database is away.
 */
import type { Snapshot, Tail } from './pipeline.ts'

/** Where one topic of one cluster stands in the database. */
export interface PinnedTopic {
  /** What logs.ingest_topic_id means. */
  readonly topicId: number
  readonly incarnation: number
  /** True when this call was the pipeline's first start, or found a topic of the same name with another identity. */
  readonly created: 'first-start' | 'recreated' | null
}

export interface Claim {
  readonly partition: number
  readonly epoch: number
  readonly baseOffset: number
  readonly nextOffset: number
  /** The last record stored; null before the first. */
  readonly tail: Tail | null
  /** Who led the partition when its beginning was pinned; -1 once there is a tail, and where it is not known. */
  readonly startLeaderEpoch: number
  readonly snapshot: Snapshot | null
  /**
   * The partition's part of the topic's records so far, in (0, 1]; an equal one as long as it has no snapshot. While a backlog is
   * read, one partition runs ahead of the others by chance, and a detector that begins anew then must not get more for it.
   */
  readonly trafficShare: number
}

/** Where a partition begins, and the leader epoch whose log holds what lies before it; -1 unknown. */
export interface StartOffset {
  readonly offset: number
  readonly leaderEpoch: number
}

export interface PinRequest {
  readonly topic: string
  /** cluster id ':' topic id; '' when the broker cannot tell. */
  readonly topicKey: string
  readonly partitions: readonly number[]
  readonly startPolicy: 'latest' | 'earliest'
  /** Called only at the first start, inside the lock: where to begin, for every partition. */
  readonly startOffsets: () => Promise<ReadonlyMap<number, StartOffset>>
}

export interface Ledger {
  /** Makes sure that every partition has a row before anything is read. Partitions without one, later, begin at 0. */
  pin(request: PinRequest): Promise<PinnedTopic>
  /** Raises the epoch of these partitions; those refused (another live group holds them) come back in `refused`. */
  claim(partitions: readonly number[]): Promise<{ claims: Claim[]; refused: { partition: number; group: string }[] }>
  /**
   * Best effort: others of the group see these partitions free; other groups only when we leave for good, so that none slips in
   * while a rebalance moves them. Never rejects.
   */
  release(partitions: readonly number[], how?: { readonly leaving: boolean }): Promise<void>
  /** Refreshes seen_at of the partitions we own, every 10 s; never rejects. */
  seen(partitions: readonly number[]): Promise<void>
}

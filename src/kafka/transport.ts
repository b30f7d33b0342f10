/**
 * What the source and the group member need of Kafka, as requests and answers: the one seam between decisions and sockets.
 * The real one (platformatic-transport.ts) speaks to brokers; a simulation implements the same interfaces.
 * Every call rejects with a ProcessorError: KAFKA_UNAVAILABLE or KAFKA_SECURITY for what a retry may cure, KAFKA_REFUSED for what it can't.
 * Error codes inside an answer are Kafka's own numbers and are data, not exceptions.
 */
import type { EpochMs } from '../log.ts'

export interface TopicPartition {
  readonly partition: number
  /** -1 while there is no leader. */
  readonly leader: number
  readonly leaderEpoch: number
}
export interface TopicMetadata {
  readonly clusterId: string
  /** Hex without dashes; '' where the broker has none. */
  readonly topicId: string
  /** null while the topic does not exist. */
  readonly partitions: readonly TopicPartition[] | null
}
export interface FetchPosition {
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly maxBytes: number
}
export interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  /** -1 where unknown. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly { producerId: bigint; firstOffset: number }[]
  /** Raw record batches, the last perhaps truncated. A view that stays valid as long as it is referenced. */
  readonly batches: Buffer
}
export interface FetchRequest {
  /** Broker id of the leader. */
  readonly node: number
  readonly topic: string
  /** As in TopicMetadata: then another topic of the same name is not read in its place. By name where it is '' or missing. */
  readonly topicId?: string
  readonly positions: readonly FetchPosition[]
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
}
/** Reading a topic. One connection per broker for fetches, another for everything else. */
export interface LogTransport {
  metadata(topic: string): Promise<TopicMetadata>
  fetch(request: FetchRequest, signal: AbortSignal): Promise<{ errorCode: number; partitions: FetchedPartition[] }>
  /** First offset at or after the timestamp; -1 latest (isolation read_committed: last stable offset), -2 earliest. */
  listOffsets(request: {
    node: number
    topic: string
    partitions: readonly { partition: number; leaderEpoch: number; timestamp: number }[]
  }): Promise<{ partition: number; errorCode: number; offset: number; timestamp: EpochMs }[]>
  /** End offset of an epoch, to recognise a truncated log (KIP-320). -1 where the broker cannot tell. */
  offsetForLeaderEpoch(request: {
    node: number
    topic: string
    partition: number
    currentLeaderEpoch: number
    leaderEpoch: number
  }): Promise<{ errorCode: number; leaderEpoch: number; endOffset: number }>
  close(): Promise<void>
}

export interface JoinAnswer {
  readonly errorCode: number
  readonly generation: number
  readonly memberId: string
  readonly leaderId: string
  readonly protocol: string
  /** Filled for the leader only. */
  readonly members: readonly { memberId: string; metadata: Buffer }[]
}
/** One life of a membership: its own connection to the group's coordinator. Found, used, closed as a whole. */
export interface GroupTransport {
  join(request: {
    memberId: string
    protocols: readonly { name: string; metadata: Buffer }[]
    sessionTimeoutMs: number
    rebalanceTimeoutMs: number
  }): Promise<JoinAnswer>
  sync(request: {
    generation: number
    memberId: string
    protocol: string
    assignments: readonly { memberId: string; assignment: Buffer }[]
  }): Promise<{ errorCode: number; assignment: Buffer }>
  heartbeat(request: { generation: number; memberId: string }): Promise<{ errorCode: number }>
  leave(memberId: string): Promise<void>
  commit(request: {
    generation: number
    memberId: string
    topic: string
    offsets: readonly { partition: number; offset: number; leaderEpoch: number }[]
  }): Promise<{ partition: number; errorCode: number }[]>
  /** Offsets the group has committed; partitions without one are missing from the answer. */
  committed(topic: string, partitions: readonly number[]): Promise<Map<number, number>>
  close(): Promise<void>
}
export interface KafkaTransport {
  openLog(): Promise<LogTransport>
  /** Finds the coordinator and connects to it. */
  openGroup(groupId: string): Promise<GroupTransport>
  /** Closes whatever is still open. */
  close(): Promise<void>
}

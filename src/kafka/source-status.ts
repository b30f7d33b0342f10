/** How far behind each partition is, for metrics, /readyz and /status. */
import type { PartitionLag } from '../events.ts'
import type { BatchLimits } from './batcher.ts'
import type { HandedOut } from './handed-out.ts'
import type { Position, PositionState } from './positions.ts'

export interface PartitionStatus extends PartitionLag {
  readonly state: PositionState['kind']
  readonly epoch: number
  /** The offset that is fetched next. */
  readonly fetchOffset: number
}

export interface SourceStatus {
  /** -1 and '' while not a member. */
  readonly generation: number
  readonly memberId: string
  readonly joined: boolean
  /** Partitions that the topic has; 0 while it is not known. */
  readonly topicPartitions: number
  /** The topic does not exist (any more), as far as Kafka has said. */
  readonly topicMissing: boolean
  readonly bufferedBytes: number
  readonly paused: boolean
  /** What the tuner has chosen, and why. */
  readonly batching: BatchLimits & { readonly storedInMs: number; readonly catchingUp: boolean }
  readonly partitions: readonly PartitionStatus[]
}

export function partitionStatus(
  position: Position,
  handedOut: HandedOut,
  time: { nowMs: number; wallMs: number },
): PartitionStatus {
  const { partition, epoch, stored } = position
  const endOffset = Math.max(position.endOffset, stored)
  const behind = stored >= 0 && endOffset > stored
  if (!behind) position.behindSinceMs = 0
  else if (position.behindSinceMs === 0) position.behindSinceMs = time.nowMs
  const lagSeconds = behind ? secondsBehind(position, handedOut, time) : 0
  return {
    partition,
    nextOffset: stored,
    endOffset,
    lagSeconds,
    suspended: position.state.kind === 'suspended' ? position.state.reason : null,
    state: position.state.kind,
    epoch,
    fetchOffset: position.expected,
  }
}

/** The age of the oldest record that is not stored; where it isn't fetched yet or has no time, how long we know of it. */
function secondsBehind(position: Position, handedOut: HandedOut, time: { nowMs: number; wallMs: number }): number {
  const { partition, stored, buffer } = position
  const buffered = buffer.oldestRecord
  const oldest =
    handedOut.oldestRecord(partition, stored) ?? (buffered !== null && buffered.offset >= stored ? buffered : null)
  const known = (time.nowMs - position.behindSinceMs) / 1000
  if (oldest === null || oldest.timestamp < 0) return known
  return Math.max(0, (time.wallMs - oldest.timestamp) / 1000)
}

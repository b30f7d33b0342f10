/**
 * When a batch is due, and which ranges it carries: at most one a partition of one lane, the rows shared out so that a partition with a
 * long backlog does not keep the others waiting.
 */
import type { PartitionRange, RawBatch, Tail } from '../pipeline.ts'
import { type Cut, heldBytes } from './partition-buffer.ts'
import type { Position } from './positions.ts'
import { recordCrc } from './record-range.ts'

export interface BatchLimits {
  readonly rowsMax: number
  readonly bytesMax: number
  readonly intervalMs: number
}

/** How long from now until a batch is due: 0 now, Infinity when nothing is buffered. */
export function dueInMs(
  positions: readonly Position[],
  limits: BatchLimits,
  state: { nowMs: number; hurry: boolean },
): number {
  let rows = 0
  let bytes = 0
  let oldestMs = Number.POSITIVE_INFINITY
  for (const { buffer } of positions) {
    rows += buffer.rows
    bytes += buffer.bytes
    oldestMs = Math.min(oldestMs, buffer.oldestMs)
  }
  if (oldestMs === Number.POSITIVE_INFINITY) return oldestMs
  if (state.hurry || rows >= limits.rowsMax || bytes >= limits.bytesMax) return 0
  return Math.max(0, oldestMs + limits.intervalMs - state.nowMs)
}

/** Of the positions of a lane. Null when nothing is buffered. `held` is the memory that stays in use until the batch is settled. */
export function cutBatch(
  lane: number,
  positions: readonly Position[],
  limits: BatchLimits,
): { batch: RawBatch; held: number } | null {
  const waiting = positions.filter((each) => !each.buffer.empty).sort((a, b) => a.buffer.rows - b.buffer.rows)
  let { rowsMax: rows, bytesMax: bytes } = limits
  let held = 0
  const ranges: PartitionRange[] = []
  waiting.forEach((position, index) => {
    const sharers = waiting.length - index
    const share = { rows: Math.max(1, Math.ceil(rows / sharers)), bytes: Math.max(1, Math.ceil(bytes / sharers)) }
    const taken = position.take(share)
    if (taken === null) return
    rows -= taken.cut.records.length
    bytes -= taken.cut.bytes
    held += heldBytes(taken.cut)
    position.outstanding++
    ranges.push(rangeOf(position, taken.cut, taken.purpose))
  })
  return ranges.length === 0 ? null : { batch: { lane, ranges, bytes: limits.bytesMax - bytes }, held }
}

function rangeOf(position: Position, cut: Cut, purpose: PartitionRange['purpose']): PartitionRange {
  const { from, to, records, gap } = cut
  const holes = gap === null ? to - from - records.length : 0
  const { partition, assignment, epoch } = position
  return { partition, assignment, epoch, from, to, records, holes, gap, tail: tailOf(cut), purpose }
}

function tailOf({ records, leaderEpoch }: Cut): Tail | null {
  const last = records.at(-1)
  if (last === undefined) return null
  return { leaderEpoch, offset: last.offset, timestamp: last.timestamp, crc: recordCrc(last) }
}

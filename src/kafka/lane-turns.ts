/** Which lane of the store gets the next batch, and when. */
import type { BatchTuner } from './batch-tuner.ts'
import { dueInMs } from './batcher.ts'
import type { HandedOut } from './handed-out.ts'
import type { Positions } from './positions.ts'

interface LaneTurnsParts {
  readonly positions: Positions
  readonly handedOut: HandedOut
  readonly tuner: BatchTuner
}

/** Of a lane: one is being stored, the other ready to be. */
const OPEN_MAX = 2

export class LaneTurns {
  readonly #parts: LaneTurnsParts
  #last = 0

  constructor(parts: LaneTurnsParts) {
    this.#parts = parts
  }

  /** The lane that may have a batch and whose is due first: of those due now, the one with the least to do, else whose turn it is. */
  next(nowMs: number, stopping: boolean): { lane: number; dueMs: number } {
    const { positions, handedOut, tuner } = this.#parts
    const { lanes } = positions
    let next = { lane: 0, dueMs: Number.POSITIVE_INFINITY, busy: 0 }
    // While each lane stores a batch, one more is made ready, for whichever it is: others would only take memory.
    if (handedOut.count > lanes) return next
    for (let turn = 1; turn <= lanes; turn++) {
      const lane = (this.#last + turn) % lanes
      const busy = handedOut.inLane(lane)
      if (busy >= OPEN_MAX) continue
      const hurry = stopping || (busy === 0 && tuner.mayHurry(lane, nowMs))
      const dueMs = dueInMs(positions.inLane(lane), tuner.limits, { nowMs, hurry })
      if (dueMs < next.dueMs || (dueMs === next.dueMs && busy < next.busy)) next = { lane, dueMs, busy }
    }
    return next
  }

  taken(lane: number, rows: number, nowMs: number): void {
    this.#last = lane
    this.#parts.tuner.cut(lane, rows, nowMs)
  }
}

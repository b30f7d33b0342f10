/**
 * How large a batch may be and how long its first record may wait, from how long batches take to be stored: the age goal at the
 * least cost. Few large transactions cost the database less than many small ones, so a batch waits as long as the goal allows, and
 * no longer than the operator does.
 *
 *   age of a log = wait for its batch + time until that is stored      wait <= goal / 2 - stored, within [1 ms, intervalMs]
 *   a batch that takes longer than goal / 2 is too large               rows shrink in proportion, and grow back by a quarter
 *   further behind than the goal, nobody's age can be saved             the largest batches: throughput alone counts
 *
 * A state machine on times that it is told; no clock of its own.
 */
import type { BatchLimits } from './batcher.ts'

export interface BatchTunerBounds extends BatchLimits {
  /** Age at which 99 of 100 logs should be visible, in ms. */
  readonly ageTargetMs: number
}

const ROWS_MIN = 100
/** Weight of the newest batch in the mean. */
const NEWEST = 0.2
const GROWTH = 1.25

export class BatchTuner {
  readonly #bounds: BatchTunerBounds
  /** Batches that were cut and are not stored yet, oldest first. */
  readonly #open: { readonly rows: number; readonly atMs: number }[] = []
  #storedInMs = 0
  #rowsMax: number
  #lastCutMs = Number.NEGATIVE_INFINITY
  #behindSeconds = 0

  constructor(bounds: BatchTunerBounds) {
    this.#bounds = bounds
    this.#rowsMax = bounds.rowsMax
  }

  get limits(): BatchLimits {
    const { bytesMax, rowsMax, intervalMs, ageTargetMs } = this.#bounds
    if (this.catchingUp) return { rowsMax, bytesMax, intervalMs }
    const wait = ageTargetMs / 2 - this.#storedInMs
    return { bytesMax, rowsMax: this.#rowsMax, intervalMs: Math.max(1, Math.min(intervalMs, wait)) }
  }

  /** Mean time from cut to stored, in ms. */
  get storedInMs(): number {
    return this.#storedInMs
  }

  get catchingUp(): boolean {
    return this.#behindSeconds * 1000 > this.#bounds.ageTargetMs * 4
  }

  /**
   * While nothing is being stored, should what has come be stored at once? After a whole interval without a batch, yes: it need not
   * wait for company. Far behind as well: then an idle database is the only waste.
   */
  mayHurry(nowMs: number): boolean {
    return this.catchingUp || nowMs - this.#lastCutMs >= this.limits.intervalMs
  }

  /** The age of the oldest record that is not stored yet, in s. */
  behind(seconds: number): void {
    this.#behindSeconds = seconds
  }

  cut(rows: number, nowMs: number): void {
    this.#lastCutMs = nowMs
    this.#open.push({ rows, atMs: nowMs })
  }

  /** The oldest open batch is stored, or given up. */
  settled(nowMs: number): void {
    const batch = this.#open.shift()
    if (batch === undefined) return
    const tookMs = nowMs - batch.atMs
    this.#storedInMs += (tookMs - this.#storedInMs) * (this.#storedInMs === 0 ? 1 : NEWEST)
    const isFull = batch.rows >= this.#rowsMax
    const mostMs = this.#bounds.ageTargetMs / 2
    if (!isFull) return
    if (tookMs > mostMs) this.#resize(Math.max(0.5, mostMs / tookMs))
    else if (tookMs < mostMs / 2) this.#resize(GROWTH)
  }

  #resize(factor: number): void {
    const { rowsMax } = this.#bounds
    this.#rowsMax = Math.min(rowsMax, Math.max(ROWS_MIN, Math.round(this.#rowsMax * factor)))
  }
}

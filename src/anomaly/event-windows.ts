/** What happened to a service lately: counts in 10-second buckets of event time, the last 31 of them, with running sums. */
import { Slab } from './slab.ts'

export const BUCKET_SECONDS = 10
const RING = 31
/** Columns of a bucket. */
export const LOGS = 0
export const ERRORS = 1
export const LATENCIES = 2
/** Logs slower than 98 % of the usual. */
export const SLOW = 3
const COLUMNS = 4

export class EventWindows {
  readonly #bucket: Int32Array
  readonly #ring: Float32Array
  /** Sums over the last minute (six buckets, the newest one unfinished), then over five minutes. */
  readonly #minute: Float64Array
  readonly #five: Float64Array

  constructor(slab = new Slab()) {
    this.#minute = slab.doubles(COLUMNS)
    this.#five = slab.doubles(COLUMNS)
    this.#ring = slab.floats(RING * COLUMNS)
    this.#bucket = slab.integers(1).fill(-1)
  }

  /** Number of the newest bucket: event time in seconds / 10; -1 before the first. */
  get bucket(): number {
    return this.#bucket[0]!
  }

  minute(column: number): number {
    return this.#minute[column]!
  }

  fiveMinutes(column: number): number {
    return this.#five[column]!
  }

  /** Logs of the newest bucket. */
  newest(): number {
    return this.#ring[this.#place(this.bucket) + LOGS]!
  }

  /** Sum of so many buckets before the newest one, at most 29. */
  before(buckets: number, column: number): number {
    let sum = 0
    for (let bucket = this.bucket - buckets; bucket < this.bucket; bucket++)
      sum += this.#ring[this.#place(bucket) + column]!
    return sum
  }

  /** Opens the next bucket. */
  next(): void {
    this.#bucket[0]!++
    const leavesMinute = this.#place(this.bucket - 6)
    const leavesFive = this.#place(this.bucket - 30)
    const opened = this.#place(this.bucket)
    for (let column = 0; column < COLUMNS; column++) {
      this.#minute[column]! -= this.#ring[leavesMinute + column]!
      this.#five[column]! -= this.#ring[leavesFive + column]!
      this.#ring[opened + column] = 0
    }
  }

  /** Forgets everything: the service was silent for longer than the ring is. */
  restart(bucket: number): void {
    this.#bucket[0] = bucket
    this.#ring.fill(0)
    this.#minute.fill(0)
    this.#five.fill(0)
  }

  /** Counts into the bucket, unless that has left the ring. */
  count(bucket: number, column: number): void {
    const age = this.bucket - bucket
    if (age < 0 || age >= 30) return
    this.#ring[this.#place(bucket) + column]!++
    this.#five[column]!++
    if (age < 6) this.#minute[column]!++
  }

  #place(bucket: number): number {
    return (((bucket % RING) + RING) % RING) * COLUMNS
  }
}

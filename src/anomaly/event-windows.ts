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
  readonly #doubles: Float64Array
  readonly #floats: Float32Array
  readonly #integers: Int32Array
  /** Where they begin: sums over the last minute (six buckets, the newest one unfinished), then over five minutes. */
  readonly #minute: number
  readonly #five: number
  readonly #ring: number
  readonly #bucket: number

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#floats = slab.allFloats
    this.#integers = slab.allIntegers
    this.#minute = slab.placeOfDoubles(COLUMNS)
    this.#five = slab.placeOfDoubles(COLUMNS)
    this.#ring = slab.placeOfFloats(RING * COLUMNS)
    this.#bucket = slab.placeOfIntegers(1)
    this.#integers[this.#bucket] = -1
  }

  /** Number of the newest bucket: event time in seconds / 10; -1 before the first. */
  get bucket(): number {
    return this.#integers[this.#bucket]!
  }

  minute(column: number): number {
    return this.#doubles[this.#minute + column]!
  }

  fiveMinutes(column: number): number {
    return this.#doubles[this.#five + column]!
  }

  /** Logs of the newest bucket. */
  newest(): number {
    return this.#floats[this.#place(this.bucket) + LOGS]!
  }

  /** Sum of so many buckets before the newest one, at most 29. */
  before(buckets: number, column: number): number {
    let sum = 0
    for (let bucket = this.bucket - buckets; bucket < this.bucket; bucket++)
      sum += this.#floats[this.#place(bucket) + column]!
    return sum
  }

  /** Opens the next bucket. */
  next(): void {
    this.#integers[this.#bucket]!++
    const leavesMinute = this.#place(this.bucket - 6)
    const leavesFive = this.#place(this.bucket - 30)
    const opened = this.#place(this.bucket)
    for (let column = 0; column < COLUMNS; column++) {
      this.#doubles[this.#minute + column]! -= this.#floats[leavesMinute + column]!
      this.#doubles[this.#five + column]! -= this.#floats[leavesFive + column]!
      this.#floats[opened + column] = 0
    }
  }

  /** Forgets everything: the service was silent for longer than the ring is. */
  restart(bucket: number): void {
    this.#integers[this.#bucket] = bucket
    this.#floats.fill(0, this.#ring, this.#ring + RING * COLUMNS)
    this.#doubles.fill(0, this.#minute, this.#minute + COLUMNS)
    this.#doubles.fill(0, this.#five, this.#five + COLUMNS)
  }

  /** Counts into the bucket, unless that has left the ring. */
  count(bucket: number, column: number): void {
    const age = this.bucket - bucket
    if (age < 0 || age >= 30) return
    this.#floats[this.#place(bucket) + column]!++
    this.#doubles[this.#five + column]!++
    if (age < 6) this.#doubles[this.#minute + column]!++
  }

  #place(bucket: number): number {
    return this.#ring + (((bucket % RING) + RING) % RING) * COLUMNS
  }
}

/** More logs than usual. The usual rate is a slow average of 10-second counts; its own restlessness widens the limits. */

import { BUCKET_SECONDS } from './event-windows.ts'
import { normalSurprise, rootDifference } from './probability.ts'
import { Slab } from './slab.ts'

const STEP = BUCKET_SECONDS / 2700
const RESTLESSNESS_STEP = 0.01
const RESTLESSNESS_FIRST = 1.5
/** Columns: logs in 10 s, finished buckets, restlessness now and when it settled. */
const RATE = 0
const BUCKETS = 1
const RESTLESSNESS = 2
const SETTLED = 3

export class Volume {
  readonly #doubles: Float64Array
  /** Where its columns begin. */
  readonly #at: number

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#at = slab.placeOfDoubles(4)
    this.#doubles[this.#at + RESTLESSNESS] = this.#doubles[this.#at + SETTLED] = RESTLESSNESS_FIRST
  }

  /** Logs in 10 s. */
  get rate(): number {
    return this.#doubles[this.#at + RATE]!
  }

  get perMinute(): number {
    return this.#doubles[this.#at + RATE]! * 6
  }

  /** Variance of counts against a Poisson count's, at least 1; as it was up to ten minutes ago, before what goes on now. */
  get restlessness(): number {
    return this.#doubles[this.#at + SETTLED]!
  }

  /** The usual rate is known well enough to compare with. */
  get known(): boolean {
    return this.#doubles[this.#at + BUCKETS]! >= 30
  }

  /** Surprise of the last minute's count. */
  surgeSurprise(minuteLogs: number): number {
    const usual = this.perMinute
    if (!this.known || minuteLogs <= 1.8 * usual + 4) return 0
    return normalSurprise(rootDifference(minuteLogs, usual) / Math.sqrt(this.#doubles[this.#at + RESTLESSNESS]!))
  }

  /** Learns one finished bucket, held near the usual, and the minute that it ended. */
  learn(logs: number, minuteLogs: number, weight: number): void {
    const doubles = this.#doubles
    const at = this.#at
    const buckets = doubles[at + BUCKETS]! + 1
    const usual = doubles[at + RATE]!
    const restlessness = doubles[at + RESTLESSNESS]!
    doubles[at + BUCKETS] = buckets
    const reach = 3 * Math.sqrt((usual + 1) * restlessness)
    const held = buckets < 12 ? logs : Math.max(usual - reach, Math.min(usual + reach, logs))
    doubles[at + RATE] = usual + Math.max(STEP, 1 / buckets) * weight * (held - usual)
    if (buckets < 12) return
    const z = rootDifference(minuteLogs, this.perMinute)
    doubles[at + RESTLESSNESS] = Math.max(
      1,
      restlessness + RESTLESSNESS_STEP * weight * (Math.min(16, z * z) - restlessness),
    )
  }

  /** Told when event time enters another 10-minute block. */
  settle(): void {
    this.#doubles[this.#at + SETTLED] = this.#doubles[this.#at + RESTLESSNESS]!
  }
}

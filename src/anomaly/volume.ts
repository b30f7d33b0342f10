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
  readonly #numbers: Float64Array

  constructor(slab = new Slab()) {
    this.#numbers = slab.doubles(4)
    this.#numbers[RESTLESSNESS] = this.#numbers[SETTLED] = RESTLESSNESS_FIRST
  }

  /** Logs in 10 s. */
  get rate(): number {
    return this.#numbers[RATE]!
  }

  get perMinute(): number {
    return this.rate * 6
  }

  /** Variance of counts against a Poisson count's, at least 1; as it was up to ten minutes ago, before what goes on now. */
  get restlessness(): number {
    return this.#numbers[SETTLED]!
  }

  /** The usual rate is known well enough to compare with. */
  get known(): boolean {
    return this.#numbers[BUCKETS]! >= 30
  }

  /** Surprise of the last minute's count. */
  surgeSurprise(minuteLogs: number): number {
    const usual = this.perMinute
    if (!this.known || minuteLogs <= 1.8 * usual + 4) return 0
    return normalSurprise(rootDifference(minuteLogs, usual) / Math.sqrt(this.#numbers[RESTLESSNESS]!))
  }

  /** Learns one finished bucket, held near the usual, and the minute that it ended. */
  learn(logs: number, minuteLogs: number, weight: number): void {
    const numbers = this.#numbers
    const buckets = numbers[BUCKETS]! + 1
    const usual = numbers[RATE]!
    const restlessness = numbers[RESTLESSNESS]!
    numbers[BUCKETS] = buckets
    const reach = 3 * Math.sqrt((usual + 1) * restlessness)
    const held = buckets < 12 ? logs : Math.max(usual - reach, Math.min(usual + reach, logs))
    numbers[RATE] = usual + Math.max(STEP, 1 / buckets) * weight * (held - usual)
    if (buckets < 12) return
    const z = rootDifference(minuteLogs, this.perMinute)
    numbers[RESTLESSNESS] = Math.max(
      1,
      restlessness + RESTLESSNESS_STEP * weight * (Math.min(16, z * z) - restlessness),
    )
  }

  /** Told when event time enters another 10-minute block. */
  settle(): void {
    this.#numbers[SETTLED] = this.#numbers[RESTLESSNESS]!
  }
}

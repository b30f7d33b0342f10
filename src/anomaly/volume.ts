/** More logs than usual. The usual rate is a slow average of 10-second counts; its own restlessness widens the limits. */

import { BUCKET_SECONDS } from './event-windows.ts'
import { normalSurprise, rootDifference } from './probability.ts'
import type { StateBytes } from './state-bytes.ts'

const STEP = BUCKET_SECONDS / 2700
const RESTLESSNESS_STEP = 0.01

export class Volume {
  /** Logs in 10 s. */
  rate = 0
  #buckets = 0
  #restlessness = 1.5
  #settled = 1.5

  get perMinute(): number {
    return this.rate * 6
  }

  /** Variance of counts against a Poisson count's, at least 1; as it was up to ten minutes ago, before what goes on now. */
  get restlessness(): number {
    return this.#settled
  }

  /** The usual rate is known well enough to compare with. */
  get known(): boolean {
    return this.#buckets >= 30
  }

  /** Surprise of the last minute's count. */
  surgeSurprise(minuteLogs: number): number {
    const usual = this.perMinute
    if (this.#buckets < 30 || minuteLogs <= 1.8 * usual + 4) return 0
    return normalSurprise(rootDifference(minuteLogs, usual) / Math.sqrt(this.#restlessness))
  }

  /** Learns one finished bucket, held near the usual, and the minute that it ended. */
  learn(logs: number, minuteLogs: number, weight: number): void {
    this.#buckets++
    const reach = 3 * Math.sqrt((this.rate + 1) * this.#restlessness)
    const held = this.#buckets < 12 ? logs : Math.max(this.rate - reach, Math.min(this.rate + reach, logs))
    this.rate += Math.max(STEP, 1 / this.#buckets) * weight * (held - this.rate)
    if (this.#buckets < 12) return
    const z = rootDifference(minuteLogs, this.perMinute)
    this.#restlessness += RESTLESSNESS_STEP * weight * (Math.min(16, z * z) - this.#restlessness)
    this.#restlessness = Math.max(1, this.#restlessness)
  }

  /** Told when event time enters another 10-minute block. */
  settle(): void {
    this.#settled = this.#restlessness
  }

  exchange(bytes: StateBytes): void {
    this.rate = bytes.number(this.rate)
    this.#buckets = bytes.number(this.#buckets)
    this.#restlessness = bytes.number(this.#restlessness)
    this.#settled = bytes.number(this.#settled)
  }
}

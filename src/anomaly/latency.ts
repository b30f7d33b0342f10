/**
 * Latency against what is usual for this operation. The residual is r = (ln(x + 0.05) - mean) / deviation, both per template and
 * shrunk towards the service while the template is young; its surprise is an empirical quantile, so heavy tails don't alarm.
 * Two moving averages of the residual's normal score show when many logs are a little late.
 */

import { normalQuantile, normalSurprise } from './probability.ts'
import { ResidualHistogram } from './residual-histogram.ts'
import type { StateBytes } from './state-bytes.ts'
import { LATENCY_MEAN, LATENCY_VARIANCE, LATENCY_WEIGHT, type TemplateStore } from './template-store.ts'

/** What an incident may teach about how far residuals reach: else it hides the next one. */
const WEIGHT_IN_INCIDENT = 0.02
const SHRINKAGE = 8
const FAST = 0.2
const SLOW = 0.03
/** Neighbouring logs are alike, so that the charts move more than independent ones would. */
const INFLATION = 1.6
const FAST_DEVIATION = Math.sqrt((FAST / (2 - FAST)) * INFLATION)
const SLOW_DEVIATION = Math.sqrt((SLOW / (2 - SLOW)) * INFLATION)
const FAST_FLOOR = 0.9
const SLOW_FLOOR = 0.45

export class Latency {
  /** Of the log looked at last. */
  residual = 0
  quantile = 0.5
  pointSurprise = 0
  /** Natural logarithm of the usual latency. */
  expectedLog = 0
  #log = 0
  #deviation = 1
  #weight = 0
  #mean = 3
  #variance = 1
  #fast = 0
  #slow = 0
  readonly #histogram = new ResidualHistogram()

  /** Nine of ten latencies of the template looked at last lie between these. */
  get usual(): { lowMs: number; highMs: number } {
    const reach = 1.645 * this.#deviation
    const ms = (log: number): number => Math.max(0, Math.exp(log) - 0.05)
    return { lowMs: ms(this.expectedLog - reach), highMs: ms(this.expectedLog + reach) }
  }

  /** Compares one latency (ms) with what is usual for the template whose columns begin at `at`. */
  look(latencyMs: number, templates: TemplateStore, at: number): void {
    const weight = templates.values[at + LATENCY_WEIGHT]!
    const share = weight / (weight + SHRINKAGE)
    const mean = share * templates.values[at + LATENCY_MEAN]! + (1 - share) * this.#mean
    const variance = share * templates.values[at + LATENCY_VARIANCE]! + (1 - share) * this.#variance
    this.#log = Math.log(Math.min(latencyMs, 1e9) + 0.05)
    this.#deviation = Math.max(0.05, Math.sqrt(variance))
    this.expectedLog = mean
    this.residual = (this.#log - mean) / this.#deviation
    this.quantile = this.#histogram.below(this.residual)
    this.pointSurprise = this.#histogram.surprise(this.residual, this.quantile)
  }

  /**
   * Moves the charts by the log looked at last, and gives the surprise of where they stand. While a service is young there is no
   * history to hold them against: then the slow chart, which remembers a shift that is over, counts as far as the fast one bears it out.
   */
  shiftSurprise(young: boolean): number {
    const z = Math.max(-2.5, Math.min(3.2, normalQuantile(this.quantile)))
    this.#fast += FAST * (z - this.#fast)
    this.#slow += SLOW * (z - this.#slow)
    const fast = this.#fast > FAST_FLOOR ? normalSurprise(this.#fast / FAST_DEVIATION) : 0
    const slow = this.#slow > SLOW_FLOOR ? normalSurprise(this.#slow / SLOW_DEVIATION) : 0
    if (!young) return Math.max(fast, slow)
    return Math.max(fast, Math.min(slow, 1.5 + 4 * normalSurprise(this.#fast / FAST_DEVIATION)))
  }

  learn(templates: TemplateStore, at: number, weight: number): void {
    const held = this.#hold(this.#mean, Math.sqrt(this.#variance))
    this.#weight += weight
    const step = weight / this.#weight
    const difference = held - this.#mean
    this.#mean += step * difference
    this.#variance += step * (difference * difference * (1 - step) - this.#variance) * (this.#weight > 3 ? 1 : 0.2)
    const values = templates.values
    const own = values[at + LATENCY_WEIGHT]!
    const ownHeld = this.#hold(this.expectedLog, this.#deviation)
    values[at + LATENCY_WEIGHT] = own + weight
    const ownStep = weight / (own + weight)
    const ownDifference = ownHeld - values[at + LATENCY_MEAN]!
    if (own === 0) {
      values[at + LATENCY_MEAN] = ownHeld
      values[at + LATENCY_VARIANCE] = this.#variance
    } else {
      values[at + LATENCY_MEAN]! += ownStep * ownDifference
      values[at + LATENCY_VARIANCE]! +=
        ownStep * (ownDifference * ownDifference * (1 - ownStep) - values[at + LATENCY_VARIANCE]!)
    }
    this.#histogram.learn(this.residual, weight < 1 ? WEIGHT_IN_INCIDENT : 1)
  }

  decay(factor: number): void {
    this.#weight *= factor
    this.#histogram.decay(factor)
  }

  exchange(bytes: StateBytes): void {
    this.#weight = bytes.number(this.#weight)
    this.#mean = bytes.number(this.#mean)
    this.#variance = bytes.number(this.#variance)
    this.#fast = bytes.number(this.#fast)
    this.#slow = bytes.number(this.#slow)
    this.#histogram.exchange(bytes)
  }

  /** The log-latency, held within three deviations (eight while little is known), so that one outlier teaches little. */
  #hold(mean: number, deviation: number): number {
    const reach = (this.#weight < 20 ? 8 : 3) * Math.max(0.1, deviation)
    return Math.max(mean - reach, Math.min(mean + reach, this.#log))
  }
}

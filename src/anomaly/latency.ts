/**
 * Latency against what is usual for this operation. The residual is r = (ln(x + 0.05) - mean) / deviation, both per template and
 * shrunk towards the service while the template is young; its surprise is an empirical quantile, so heavy tails don't alarm.
 * Two moving averages of the residual's normal score show when many logs are a little late. A third one, of the residuals themselves,
 * tells how late the logs are at the moment: as far as it bears them out, so far what the windows remember counts.
 */

import { normalQuantile, normalSurprise } from './probability.ts'
import { ResidualHistogram } from './residual-histogram.ts'
import { Slab } from './slab.ts'
import { LATENCY_MEAN, LATENCY_VARIANCE, LATENCY_WEIGHT, type TemplateStore } from './template-store.ts'

/** What an incident may teach about how far residuals reach: else it hides the next one. */
const WEIGHT_IN_INCIDENT = 0.02
const SHRINKAGE = 8
const FAST = 0.2
const SLOW = 0.03
/** Neighbouring logs are alike, so that the charts move more than independent ones would. */
const INFLATION = 1.6
const FAST_VARIANCE = (FAST / (2 - FAST)) * INFLATION
const SLOW_VARIANCE = (SLOW / (2 - SLOW)) * INFLATION
const FAST_FLOOR = 0.9
const SLOW_FLOOR = 0.45
/** What the slow chart says by itself, at most. */
const UNBORNE = 3
const UNBORNE_YOUNG = 1.5
/** Independent logs that the fast chart stands for. */
const FAST_LOGS = 5
/** What stalls for a moment makes all logs of that moment late: together they move a chart like one log. */
const MOMENT_SECONDS = 0.25
/** A normal score below it speaks for the end of a shift, and counts twice. */
const CLEAR = 0.5
/** What the usual is known from varies, too: like the mean of so many fewer logs than there are, since neighbours are alike. */
const VAGUENESS = 20
/** Without that doubt a shift counts so much at most: enough to rank by, too little for an anomaly. */
const HINT = 3.5
/** How much the latest log counts among those of the moment, and between which residuals it is held: one log is not all of them. */
const MOMENT_SHARE = 0.1
const MOMENT_LOW = -1
const MOMENT_HIGH = 5
/** What counts of the windows when the logs of the moment are as late as usual; when they are later by the rest to 1, all of it. */
const BORNE_ANYHOW = 0.3
/**
 * Columns: of the service's log-latencies; then the two charts, the event time (s) of the latest log in them, and the average residual
 * of the moment.
 */
const WEIGHT = 0
const MEAN = 1
const VARIANCE = 2
const FAST_CHART = 3
const SLOW_CHART = 4
const LATEST = 5
const MOMENT = 6

export class Latency {
  /** Of the log looked at last. */
  residual = 0
  quantile = 0.5
  pointSurprise = 0
  /** Natural logarithm of the usual latency. */
  expectedLog = 0
  /** How far the latest logs bear out what windows say of latencies, in [0, 1]: little once they are as fast as usual again. */
  borneOut = BORNE_ANYHOW
  #log = 0
  #deviation = 1
  readonly #doubles: Float64Array
  /** Where its columns begin. */
  readonly #at: number
  readonly #histogram: ResidualHistogram

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#at = slab.placeOfDoubles(7)
    this.#doubles[this.#at + MEAN] = 3
    this.#doubles[this.#at + VARIANCE] = 1
    this.#histogram = new ResidualHistogram(slab)
  }

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
    const mean = share * templates.values[at + LATENCY_MEAN]! + (1 - share) * this.#doubles[this.#at + MEAN]!
    const variance =
      share * templates.values[at + LATENCY_VARIANCE]! + (1 - share) * this.#doubles[this.#at + VARIANCE]!
    this.#log = Math.log(Math.min(latencyMs, 1e9) + 0.05)
    this.#deviation = Math.max(0.05, Math.sqrt(variance))
    this.expectedLog = mean
    this.residual = (this.#log - mean) / this.#deviation
    this.quantile = this.#histogram.below(this.residual)
    this.pointSurprise = this.#histogram.surprise(this.residual, this.quantile)
  }

  /**
   * Moves the charts and the moment by the log looked at last, of this event time, and gives the surprise of where they stand. The slow chart
   * remembers a shift that is over, and counts as far as the fast one bears it out: less while a service is young, since there is no
   * history to hold it against.
   */
  shiftSurprise(young: boolean, { seconds }: { readonly seconds: number }): number {
    const learned = this.#doubles
    const from = this.#at
    const held = Math.max(MOMENT_LOW, Math.min(MOMENT_HIGH, this.residual))
    const moment = learned[from + MOMENT]! + MOMENT_SHARE * (held - learned[from + MOMENT]!)
    learned[from + MOMENT] = moment
    this.borneOut = Math.max(0, Math.min(1, BORNE_ANYHOW + moment))
    const z = Math.max(-2.5, Math.min(3.2, normalQuantile(this.quantile)))
    const news = Math.max(0, Math.min(1, (seconds - learned[from + LATEST]!) / MOMENT_SECONDS))
    if (seconds > learned[from + LATEST]!) learned[from + LATEST] = seconds
    const clearing = z < CLEAR ? Math.min(1, 2 * news) : news
    learned[from + FAST_CHART]! +=
      FAST * (learned[from + FAST_CHART]! > FAST_FLOOR ? clearing : news) * (z - learned[from + FAST_CHART]!)
    learned[from + SLOW_CHART]! +=
      SLOW * (learned[from + SLOW_CHART]! > SLOW_FLOOR ? clearing : news) * (z - learned[from + SLOW_CHART]!)
    const fast = learned[from + FAST_CHART]!
    const slow = learned[from + SLOW_CHART]!
    if (fast <= FAST_FLOOR && slow <= SLOW_FLOOR) return 0
    const vagueness = VAGUENESS / (learned[from + WEIGHT]! + 1)
    const fastSurprise = surpriseOf(fast, FAST_VARIANCE, vagueness)
    const slowSurprise = surpriseOf(slow, SLOW_VARIANCE, vagueness)
    const byFast = fast > FAST_FLOOR ? fastSurprise - doubt(fast, z) : 0
    const bySlow = slow > SLOW_FLOOR ? slowSurprise - doubt(slow, z) - FAST_LOGS * doubt(slow, fast) : 0
    return Math.max(0, byFast, Math.min(bySlow, (young ? UNBORNE_YOUNG : UNBORNE) + 4 * fastSurprise))
  }

  learn(templates: TemplateStore, at: number, weight: number): void {
    const learned = this.#doubles
    const from = this.#at
    const held = this.#hold(learned[from + MEAN]!, Math.sqrt(learned[from + VARIANCE]!))
    learned[from + WEIGHT]! += weight
    const step = weight / learned[from + WEIGHT]!
    const difference = held - learned[from + MEAN]!
    learned[from + MEAN]! += step * difference
    learned[from + VARIANCE]! +=
      step *
      (difference * difference * (1 - step) - learned[from + VARIANCE]!) *
      (learned[from + WEIGHT]! > 3 ? 1 : 0.2)
    const values = templates.values
    const own = values[at + LATENCY_WEIGHT]!
    const ownHeld = this.#hold(this.expectedLog, this.#deviation)
    values[at + LATENCY_WEIGHT] = own + weight
    const ownStep = weight / (own + weight)
    const ownDifference = ownHeld - values[at + LATENCY_MEAN]!
    if (own === 0) {
      values[at + LATENCY_MEAN] = ownHeld
      values[at + LATENCY_VARIANCE] = learned[from + VARIANCE]!
    } else {
      values[at + LATENCY_MEAN]! += ownStep * ownDifference
      values[at + LATENCY_VARIANCE]! +=
        ownStep * (ownDifference * ownDifference * (1 - ownStep) - values[at + LATENCY_VARIANCE]!)
    }
    this.#histogram.learn(this.residual, weight < 1 ? WEIGHT_IN_INCIDENT : 1)
  }

  decay(factor: number): void {
    this.#doubles[this.#at + WEIGHT]! *= factor
    this.#histogram.decay(factor)
  }

  /** The log-latency, held within three deviations (eight while little is known), so that one outlier teaches little. */
  #hold(mean: number, deviation: number): number {
    const reach = (this.#doubles[this.#at + WEIGHT]! < 20 ? 8 : 3) * Math.max(0.1, deviation)
    return Math.max(mean - reach, Math.min(mean + reach, this.#log))
  }
}

/**
 * What a log of this normal score takes away from the surprise of a shift that it should share: twice the evidence, in powers of ten,
 * that it does not (the likelihood ratio of normal scores with mean 0 and `shift`). The first ordinary logs after an incident aren't in it.
 */
function doubt(shift: number, z: number): number {
  return (2 * Math.max(0, shift * (shift / 2 - z))) / Math.LN10
}

function surpriseOf(chart: number, variance: number, vagueness: number): number {
  const certain = normalSurprise(chart / Math.sqrt(variance + vagueness))
  return certain >= HINT ? certain : Math.min(HINT, normalSurprise(chart / Math.sqrt(variance)))
}

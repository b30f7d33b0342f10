/**
 * Do the scores still tell logs apart? Judged by a window of at least a minute and LOGS_MIN logs, against the windows before it.
 *
 *   discriminating   the usual: most logs low, some high
 *   constant         nearly all logs have the same score: a model that learned nothing, or an engine that answers anything
 *   all_high         ordinary logs count as unusual: nobody can find the anomalies among them
 *   all_low          nothing ever stands out
 *   unknown          too few logs yet
 *
 * Drift is the population stability index of the window's scores against the earlier ones, over twenty equal bins: below 0.1 they
 * are alike, above 0.25 they are not (the usual reading of that index). Pure: counts in, a report out.
 */
import type { ScoreSource } from '../log.ts'

export const SCORE_STATES = ['unknown', 'discriminating', 'constant', 'all_high', 'all_low'] as const
export type ScoreState = (typeof SCORE_STATES)[number]

/** What is wrong, in words; null where nothing is, or nothing is known. */
export function troubleOf(state: ScoreState): string | null {
  switch (state) {
    case 'constant':
      return 'nearly all logs get the same score'
    case 'all_high':
      return 'ordinary logs score as high as unusual ones'
    case 'all_low':
      return 'no log scores higher than the rest'
    default:
      return null
  }
}

export const SCORE_QUANTILES = [0.5, 0.9, 0.99, 0.999] as const

export interface ScoreReport {
  readonly state: ScoreState
  /** Scores of logs that a model judged, in the order of SCORE_QUANTILES; null before the first window. */
  readonly quantiles: readonly number[] | null
  /** Population stability index against the windows before; null without any. */
  readonly drift: number | null
  /** Of all logs stored in the window, in [0, 1]. */
  readonly anomalyShare: number
  /** Logs that not the best judge there is judged: the rules, and where a remote engine answers, also the model here. */
  readonly fallbackShare: number
}

const WINDOW_MS = 60_000
const LOGS_MIN = 2_000
const BINS = 500
const BINS_PER_COARSE = 25
/** What a window keeps of its weight when the next one is added to the reference: about two hours of full windows. */
const REFERENCE_KEPT = 0.99
/** Windows before a reference is one. */
const REFERENCE_WINDOWS = 5
const CONSTANT_WITHIN = 0.01
const HIGH_FROM = 0.5
const LOW_BELOW = 0.05

export class ScoreHealth {
  /** Scores of the window, by a model or a remote engine; the last bin is for 1. */
  readonly #window = new Float64Array(BINS + 1)
  #judged = 0
  #logs = 0
  #anomalies = 0
  #remote = 0
  #byRules = 0
  #beganMs: number
  #remoteSeen = false
  readonly #reference = new Float64Array(BINS / BINS_PER_COARSE)
  #windows = 0
  #report: ScoreReport = { state: 'unknown', quantiles: null, drift: null, anomalyShare: 0, fallbackShare: 0 }

  constructor(nowMs: number) {
    this.#beganMs = nowMs
  }

  /** Of the last whole window. */
  get report(): ScoreReport {
    return this.#report
  }

  /** Called for every log that a model or a remote engine judged; `score` is in [0, 1]. */
  score(score: number): void {
    this.#window[(score * BINS) | 0]!++
  }

  /** The logs of a batch, those judged by the rules included. */
  count({ bySource, anomalies }: { bySource: Readonly<Record<ScoreSource, number>>; anomalies: number }): void {
    const { model, remote, rules, replay } = bySource
    this.#logs += model + remote + rules + replay
    this.#judged += model + remote
    this.#remote += remote
    this.#byRules += rules + replay
    this.#anomalies += anomalies
  }

  /** The report of the window, when it is one; `nowMs` is a monotonic clock's. */
  close(nowMs: number): ScoreReport | null {
    if (nowMs - this.#beganMs < WINDOW_MS || this.#logs < LOGS_MIN) return null
    this.#remoteSeen ||= this.#remote > 0
    const judged = this.#judged >= LOGS_MIN
    const quantiles = judged ? SCORE_QUANTILES.map((q) => this.#quantile(q)) : null
    const fallback = this.#remoteSeen ? this.#logs - this.#remote : this.#byRules
    this.#report = {
      state: judged ? this.#state() : 'unknown',
      quantiles,
      drift: judged && this.#windows >= REFERENCE_WINDOWS ? this.#drift() : null,
      anomalyShare: this.#anomalies / this.#logs,
      fallbackShare: fallback / this.#logs,
    }
    if (judged) this.#remember()
    this.#window.fill(0)
    this.#judged = this.#logs = this.#anomalies = this.#remote = this.#byRules = 0
    this.#beganMs = nowMs
    return this.#report
  }

  #state(): ScoreState {
    const [lowest, low, high] = [this.#quantile(0.01), this.#quantile(0.05), this.#quantile(0.99)]
    if (high - lowest < CONSTANT_WITHIN) return 'constant'
    if (low >= HIGH_FROM) return 'all_high'
    return high < LOW_BELOW ? 'all_low' : 'discriminating'
  }

  /** The lower edge of the bin that holds it. */
  #quantile(q: number): number {
    let left = q * this.#judged
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#window[bin]!
      if (left < 0) return bin / BINS
    }
    return 1
  }

  #drift(): number {
    const bins = this.#reference.length
    const total = this.#reference.reduce((sum, weight) => sum + weight, 0)
    let index = 0
    for (let bin = 0; bin < bins; bin++) {
      // Half a log more in each bin: an empty one says little, not infinitely much.
      const now = (this.#coarse(bin) + 0.5) / (this.#judged + bins / 2)
      const before = (this.#reference[bin]! + 0.5) / (total + bins / 2)
      index += (now - before) * Math.log(now / before)
    }
    return index
  }

  #coarse(bin: number): number {
    let sum = 0
    for (let at = bin * BINS_PER_COARSE; at < (bin + 1) * BINS_PER_COARSE; at++) sum += this.#window[at]!
    return sum
  }

  /** Every window weighs the same, however many logs it had. */
  #remember(): void {
    for (let bin = 0; bin < this.#reference.length; bin++)
      this.#reference[bin] = this.#reference[bin]! * REFERENCE_KEPT + (this.#coarse(bin) * LOGS_MIN) / this.#judged
    this.#windows++
  }
}

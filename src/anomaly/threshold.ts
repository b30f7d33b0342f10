/**
 * From which score on a log is an anomaly: a fixed score, or a budget, "about n anomalies a day", for the partition and for each of
 * its services. A budget is held by two things together, over event time and in constant memory:
 *
 *   quantile    the share of logs that the budget allows, on the distribution of the last days' scores (a decayed histogram); of a
 *               service's own scores only their number is kept, since scores are relative to the service already
 *   correction  how far spending runs ahead of the budget or behind it shifts the allowed share, ever more steeply, and without
 *               bound as it nears OVERDRAFT_DAYS budgets: so the number of anomalies holds whatever the scores do
 *
 * The second is the integrator of conformal PID control with its saturation (Angelopoulos, Candes, Tibshirani 2023, section 2.2):
 * over T days n T +- 2 OVERDRAFT_DAYS n anomalies come out, provably, as long as there are logs to choose from. What it is bad at:
 * an incident of a thousand logs spends the day's budget on its first ones; and of a partition whose logs are all alike it still
 * names n a day.
 */
import { Slab } from './slab.ts'
import type { StateBytes } from './state-bytes.ts'

/** Anomalies in a day of event time over the whole topic; null: as many as there are. */
export interface Budget {
  readonly perDay: number | null
  readonly perServiceDay: number | null
  /** This partition's part of them, in (0, 1]. A restored state brings the part that it began with. */
  readonly share: number
}

/** Unless told otherwise. */
export const THRESHOLD = 0.65
const DAY_SECONDS = 86_400
/** Scores this old count 1/e. */
const MEMORY_SECONDS = DAY_SECONDS / 4
const BINS = 1024
/** No budget makes an anomaly of a log outside the most unusual share of all. */
const SHARE_MAX = 0.05
/** Spending may run so many days' budgets ahead, or as many behind. */
const OVERDRAFT_DAYS = 0.4
/** Powers of ten by which half the overdraft changes the allowed share. */
const CORRECTION = 0.5
const REFRESH_SECONDS = 60
const WEIGHT_MAX = 1e6
/** Columns of what was spent: see Spending. */
const EXCESS = 0
const SECONDS = 1
const LOGS = 2
const COLUMNS = 3

/** How one budget was spent so far, and of how many logs. */
export class Spending {
  /** Anomalies beyond the budget (negative: behind it), time of the last log, logs decayed to that time. */
  readonly #doubles: Float64Array
  /** Where its columns begin. */
  readonly #at: number

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#at = slab.placeOfDoubles(COLUMNS)
    this.#doubles[this.#at + SECONDS] = -1
  }

  get logs(): number {
    return this.#doubles[this.#at + LOGS]!
  }

  /** A log of this time comes; what was not spent meanwhile is saved, up to the overdraft. */
  pass(seconds: number, perDay: number): void {
    const spent = this.#doubles
    const at = this.#at
    const passed = spent[at + SECONDS]! < 0 ? 0 : Math.max(0, seconds - spent[at + SECONDS]!)
    if (passed > 0) spent[at + LOGS]! *= Math.exp(-passed / MEMORY_SECONDS)
    spent[at + LOGS]!++
    spent[at + SECONDS] = Math.max(spent[at + SECONDS]!, seconds)
    spent[at + EXCESS] = Math.max(spent[at + EXCESS]! - (perDay * passed) / DAY_SECONDS, -OVERDRAFT_DAYS * perDay)
  }

  spend(): void {
    this.#doubles[this.#at + EXCESS]!++
  }

  /** By what the allowed share is to be multiplied: from 0 (overdrawn) to Infinity (nothing spent for long). */
  correction(perDay: number): number {
    const used = this.#doubles[this.#at + EXCESS]! / (OVERDRAFT_DAYS * perDay)
    if (used >= 1) return 0
    return used <= -1 ? Number.POSITIVE_INFINITY : 10 ** (-CORRECTION * Math.tan((Math.PI / 2) * used))
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#doubles.subarray(this.#at, this.#at + COLUMNS))
  }
}

/** The one place where it is decided. */
export class AnomalyThreshold {
  readonly #fixed: number
  readonly #budget: BudgetThreshold | null

  /** A fixed score, THRESHOLD unless said, but where there is a budget. */
  constructor({ threshold = THRESHOLD, budget }: { readonly threshold?: number; readonly budget?: Budget }) {
    this.#fixed = threshold
    this.#budget = budget === undefined ? null : new BudgetThreshold(budget)
  }

  /** `clock` is event time (in objects, which cost nothing to hand on), `of` the log's service. */
  decide(score: number, clock: { readonly watermarkMs: number }, of: { readonly spending: Spending }): boolean {
    if (this.#budget === null) return score >= this.#fixed
    return this.#budget.decide({ score, seconds: clock.watermarkMs / 1000, service: of.spending })
  }

  /** A snapshot without a budget begins one; a budget in it that is no longer asked for is read and forgotten. */
  exchange(bytes: StateBytes): void {
    const kept = bytes.number(this.#budget === null ? 0 : 1) === 1
    if (kept) (this.#budget ?? new BudgetThreshold({ perDay: null, perServiceDay: null, share: 1 })).exchange(bytes)
  }
}

export class BudgetThreshold {
  readonly #budget: Budget
  #share: number
  readonly #all = new Spending()
  /** Scores seen, each with the weight of its time: exp(seconds / MEMORY_SECONDS), from `#since` on. */
  readonly #histogram = new Float64Array(BINS)
  /** Weights at this bin and above, as of the last minute. */
  readonly #above = new Float64Array(BINS)
  #firstSeconds = -1
  #sinceSeconds = 0
  #minute = -1
  #weight = 1

  constructor(budget: Budget) {
    this.#budget = budget
    this.#share = budget.share
  }

  /** Judges, then learns. `seconds` is event time and never runs backwards; `service` is what the log's service has spent. */
  decide(log: { readonly score: number; readonly seconds: number; readonly service: Spending }): boolean {
    const { score, seconds, service } = log
    this.#advance(seconds)
    if (this.#budget.perDay !== null) this.#all.pass(seconds, this.#budget.perDay * this.#share)
    if (this.#budget.perServiceDay !== null) service.pass(seconds, this.#budget.perServiceDay * this.#share)
    const bin = Math.max(0, Math.min(BINS - 1, Math.floor(score * BINS)))
    // The log itself counts, too: where little was seen, nothing is rare.
    const above = this.#above[bin]! + this.#weight
    const { perDay, perServiceDay } = this.#budget
    const isAnomaly =
      above <= SHARE_MAX * this.#above[0]! &&
      this.#affords(above, this.#all, perDay) &&
      this.#affords(above, service, perServiceDay)
    if (isAnomaly) {
      this.#all.spend()
      service.spend()
    }
    this.#histogram[bin]! += this.#weight
    return isAnomaly
  }

  exchange(bytes: StateBytes): void {
    this.#all.exchange(bytes)
    this.#share = bytes.number(this.#share)
    bytes.numbers(this.#histogram)
    bytes.numbers(this.#above)
    this.#firstSeconds = bytes.number(this.#firstSeconds)
    this.#sinceSeconds = bytes.number(this.#sinceSeconds)
    this.#minute = bytes.number(this.#minute)
    this.#weight = bytes.number(this.#weight)
  }

  /** May a log be an anomaly, at or above whose score lies this weight of all the scores seen? */
  #affords(above: number, spending: Spending, whole: number | null): boolean {
    if (whole === null) return true
    const perDay = whole * this.#share
    const allowed = (perDay * this.#windowDays) / spending.logs
    return above <= allowed * this.#above[0]! * spending.correction(perDay)
  }

  /** Days that a steady stream would take for as many logs as are remembered, decayed. */
  get #windowDays(): number {
    const seen = this.#minute * REFRESH_SECONDS + REFRESH_SECONDS - this.#firstSeconds
    return (MEMORY_SECONDS / DAY_SECONDS) * -Math.expm1(-seen / MEMORY_SECONDS)
  }

  #advance(seconds: number): void {
    const minute = Math.floor(seconds / REFRESH_SECONDS)
    if (minute === this.#minute) return
    if (this.#firstSeconds < 0) this.#firstSeconds = this.#sinceSeconds = seconds
    this.#minute = minute
    this.#weight = Math.exp((seconds - this.#sinceSeconds) / MEMORY_SECONDS)
    if (this.#weight > WEIGHT_MAX) {
      for (let bin = 0; bin < BINS; bin++) this.#histogram[bin]! /= this.#weight
      this.#weight = 1
      this.#sinceSeconds = seconds
    }
    let sum = 0
    for (let bin = BINS - 1; bin >= 0; bin--) {
      sum += this.#histogram[bin]!
      this.#above[bin] = sum
    }
  }
}

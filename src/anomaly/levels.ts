/** How often a service logs at each level, decayed: the surprise of a rare level, and of more errors than usual. */

import { shareSurprise } from './probability.ts'
import { Slab } from './slab.ts'
import type { StateBytes } from './state-bytes.ts'

/** Severities are indices into LEVELS of log.ts. */
export const WARN = 2
export const ERROR = 3
const FATAL = 4
/** The prior counts like so many logs. */
const PRIOR_LOGS = 30
/** Shares of errors wander: this much more than usual is not news yet, nor what few logs may hide. */
const WANDER = 1.3
const WANDER_SHARE = 0.001
/** Columns: logs by severity, then these. */
const TOTAL = 5
const ERRORS = 6
const ERRORS_OF = 7
const COLUMNS = 8

export class Levels {
  readonly #doubles: Float64Array
  /** Where its columns begin. */
  readonly #at: number

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#at = slab.placeOfDoubles(COLUMNS)
  }

  /** Share of logs at ERROR or above. */
  get errorShare(): number {
    return (this.#doubles[this.#at + ERRORS]! + 0.3) / (this.#doubles[this.#at + ERRORS_OF]! + 30)
  }

  /** Share of logs at this severity or above. */
  shareOf(severity: number): number {
    return this.#shareOf(severity, severity === FATAL ? 0.05 : 0.3)
  }

  /** Of a log at this severity; what all services of the partition do stands in while this one is young. */
  levelSurprise(severity: number, everyone: Levels): number {
    return severity < WARN ? 0 : -Math.log10(this.#shareOf(severity, PRIOR_LOGS * everyone.shareOf(severity)))
  }

  #shareOf(severity: number, prior: number): number {
    let atLeast = prior
    for (let level = severity; level <= FATAL; level++) atLeast += this.#doubles[this.#at + level]!
    return Math.min(1, atLeast / (this.#doubles[this.#at + TOTAL]! + PRIOR_LOGS))
  }

  errorSurprise(errors: number, logs: number): number {
    const usual = this.errorShare
    return shareSurprise(
      errors,
      logs,
      Math.min(
        0.95,
        WANDER * usual + WANDER_SHARE + 2 * Math.sqrt(usual / (this.#doubles[this.#at + ERRORS_OF]! + 30)),
      ),
    )
  }

  learn(severity: number, weight: number): void {
    this.#doubles[this.#at + severity]!++
    this.#doubles[this.#at + TOTAL]!++
    this.#doubles[this.#at + ERRORS_OF]! += weight
    if (severity >= ERROR) this.#doubles[this.#at + ERRORS]! += weight
  }

  decay(factor: number): void {
    for (let column = 0; column < COLUMNS; column++) this.#doubles[this.#at + column]! *= factor
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#doubles.subarray(this.#at, this.#at + COLUMNS))
  }
}

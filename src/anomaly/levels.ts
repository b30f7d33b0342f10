/** How often a service logs at each level, decayed: the surprise of a rare level, and of more errors than usual. */

import { shareSurprise } from './probability.ts'
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

export class Levels {
  readonly #counts = new Float64Array(5)
  #total = 0
  #errors = 0
  #errorsOf = 0

  /** Share of logs at ERROR or above. */
  get errorShare(): number {
    return (this.#errors + 0.3) / (this.#errorsOf + 30)
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
    for (let level = severity; level <= FATAL; level++) atLeast += this.#counts[level]!
    return Math.min(1, atLeast / (this.#total + PRIOR_LOGS))
  }

  errorSurprise(errors: number, logs: number): number {
    const usual = this.errorShare
    return shareSurprise(
      errors,
      logs,
      Math.min(0.95, WANDER * usual + WANDER_SHARE + 2 * Math.sqrt(usual / (this.#errorsOf + 30))),
    )
  }

  learn(severity: number, weight: number): void {
    this.#counts[severity]!++
    this.#total++
    this.#errorsOf += weight
    if (severity >= ERROR) this.#errors += weight
  }

  decay(factor: number): void {
    for (let level = 0; level <= FATAL; level++) this.#counts[level]! *= factor
    this.#total *= factor
    this.#errors *= factor
    this.#errorsOf *= factor
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#counts)
    this.#total = bytes.number(this.#total)
    this.#errors = bytes.number(this.#errors)
    this.#errorsOf = bytes.number(this.#errorsOf)
  }
}

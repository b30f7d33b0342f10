/**
 * About how many logs a busy pipeline asks at once: as many as are answered before it has to go on, or hardly later. As TCP finds the
 * rate of a path (RFC 5681): doubled until that was too many, then back by a part and on in small steps. Too many is what `Patience`
 * cannot bear for long: a late answer now and then is forgiven, while its account is at least half full.
 */

/** Asked of an engine that has yet to show that it answers. */
export const TRIAL_LOGS = 100
const STEP = 1.1
const BACK = 0.75
const FAR_BACK = 0.5

export interface Asked {
  readonly logs: number
  /** When the pipeline went on. */
  readonly answered: boolean
  readonly stalledMs: number
  /** Of `Patience`'s account, after paying for that. */
  readonly leftShare: number
}

export class QuestionSize {
  #logs = TRIAL_LOGS
  #doubling = true

  get logs(): number {
    return Math.floor(this.#logs)
  }

  learn({ logs, answered, stalledMs, leftShare }: Asked): void {
    if (answered && leftShare >= 0.5) {
      this.#logs = Math.max(this.#logs, logs * (this.#doubling ? 2 : STEP))
    } else if (!answered || stalledMs > 0) {
      this.#doubling = false
      this.#logs = Math.max(TRIAL_LOGS, logs * (answered ? BACK : FAR_BACK))
    }
  }

  reset(): void {
    this.#logs = TRIAL_LOGS
    this.#doubling = true
  }
}

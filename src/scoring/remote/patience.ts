/**
 * How much of the pipeline's time an engine may cost. Time that the pipeline stood still for it is paid out of an account that
 * fills with a share of the time that passes; while the account is empty the engine is not asked. So whatever the engine does, the
 * pipeline loses at most that share, beside what the account held at first and the last wait that emptied it.
 */

export interface PatienceOptions {
  /** Monotonic, in ms. */
  readonly clock: () => number
  /** Of the time that passes. */
  readonly share?: number
  readonly fullMs?: number
}

export class Patience {
  readonly #clock: () => number
  readonly #share: number
  readonly #fullMs: number
  #leftMs: number
  #atMs: number

  constructor({ clock, share = 0.03, fullMs = 100 }: PatienceOptions) {
    this.#clock = clock
    this.#share = share
    this.#fullMs = fullMs
    this.#leftMs = fullMs
    this.#atMs = clock()
  }

  /** In ms; below 0 after a wait that cost more than there was. */
  get leftMs(): number {
    const nowMs = this.#clock()
    this.#leftMs = Math.min(this.#fullMs, this.#leftMs + (nowMs - this.#atMs) * this.#share)
    this.#atMs = nowMs
    return this.#leftMs
  }

  /** Of a full account; below 0 as `leftMs`. */
  get leftShare(): number {
    return this.leftMs / this.#fullMs
  }

  spend(ms: number): void {
    this.#leftMs = this.leftMs - ms
  }
}

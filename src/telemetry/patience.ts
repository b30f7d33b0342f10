/** Tells what passes by itself from what lasts. */
export class Patience {
  readonly #patienceMs: number
  readonly #clock: () => number
  #sinceMs: number | null = null

  /** `clock` is monotonic, in ms. */
  constructor(patienceMs: number, clock: () => number) {
    this.#patienceMs = patienceMs
    this.#clock = clock
  }

  /** It is so (still): true once it has been for as long as the patience lasts. */
  spent(): boolean {
    this.#sinceMs ??= this.#clock()
    return this.#clock() - this.#sinceMs >= this.#patienceMs
  }

  over(): void {
    this.#sinceMs = null
  }
}

/**
 * Notices a flood of dead letters: most of what came within the last minute could not be stored. One bad message is the
 * producer's matter; a flood is somebody's deployment, and should wake a person.
 */

const WINDOW_S = 60
/** Fewer are no flood, whatever their share. */
const DEAD_MIN = 100
const BEGINS_AT = 0.5
/** Lower, so that it does not flicker. */
const ENDS_BELOW = 0.25

export class FloodWatch {
  readonly #clock: () => number
  /** By second, round and round: what became rows, what became dead letters. */
  readonly #stored = new Float64Array(WINDOW_S)
  readonly #dead = new Float64Array(WINDOW_S)
  #second: number
  #flooding = false

  /** The clock is monotonic, in ms. */
  constructor(clock: () => number) {
    this.#clock = clock
    this.#second = Math.floor(clock() / 1000)
  }

  add(stored: number, dead: number): void {
    this.#advance()
    const at = this.#second % WINDOW_S
    this.#stored[at] = (this.#stored[at] ?? 0) + stored
    this.#dead[at] = (this.#dead[at] ?? 0) + dead
  }

  /** Share of the last minute that became dead letters, in [0, 1], and whether it is a flood; `turned` where that changed. */
  look(): { readonly share: number; readonly flooding: boolean; readonly turned: boolean } {
    this.#advance()
    const dead = this.#dead.reduce((sum, count) => sum + count, 0)
    const all = dead + this.#stored.reduce((sum, count) => sum + count, 0)
    const share = all === 0 ? 0 : dead / all
    const before = this.#flooding
    if (before) this.#flooding = share >= ENDS_BELOW
    else this.#flooding = dead >= DEAD_MIN && share >= BEGINS_AT
    return { share, flooding: this.#flooding, turned: before !== this.#flooding }
  }

  /** Empties the seconds that have passed since the last time. */
  #advance(): void {
    const second = Math.floor(this.#clock() / 1000)
    const passed = Math.min(WINDOW_S, second - this.#second)
    for (let ago = 0; ago < passed; ago++) {
      this.#stored[(second - ago) % WINDOW_S] = 0
      this.#dead[(second - ago) % WINDOW_S] = 0
    }
    this.#second = second
  }
}

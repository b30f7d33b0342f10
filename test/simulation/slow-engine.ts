/** The remote ML engine of every other world: it has judged at once, or its answer, or the deadline of the question, comes later. */
import { Dice } from './dice.ts'
import { NEVER } from './light-abort.ts'
import type { SimProcess } from './sim-process.ts'

const DEADLINE_MS = 100

export class SlowEngine {
  readonly #dice: Dice
  readonly #isAsked: boolean

  constructor(seed: number) {
    this.#dice = new Dice(seed)
    this.#isAsked = this.#dice.chance(0.5)
  }

  /** A worker waits for what it says of a batch. */
  async answer({ time }: SimProcess): Promise<void> {
    if (this.#isAsked && this.#dice.chance(0.5)) await time.sleep(this.#dice.between(0, DEADLINE_MS), NEVER)
  }
}

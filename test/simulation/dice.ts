/** All chance in a simulated world, from one seed. */
import { Random } from '../../src/demo/random.ts'

export class Dice {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** In [0, 1). */
  next(): number {
    return this.#random.next()
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.#random.below(to - from + 1)
  }

  chance(share: number): boolean {
    return this.#random.next() < share
  }

  of<T>(choices: readonly T[]): T {
    const choice = choices[this.#random.below(choices.length)]
    if (choice === undefined) throw new RangeError('nothing to choose from')
    return choice
  }

  /** One of the choices, by their weights. */
  weighted<T>(choices: readonly (readonly [T, number])[]): T {
    let rest = this.#random.next() * choices.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [choice, weight] of choices) {
      rest -= weight
      if (rest < 0) return choice
    }
    return this.of(choices.map(([choice]) => choice))
  }
}

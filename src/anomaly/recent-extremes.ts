/**
 * How far out is a number among the last N? Only the largest K are kept, since only tails matter: their count gives an exact tail
 * probability down to K/N and up to 1/N, beyond the largest it is extrapolated. What it is bad at: numbers that are not in the tail.
 */
import { Slab } from './slab.ts'

const KEPT = 64
/** Before so many numbers nothing is surprising. */
const WARM = 30
/** Columns of the counters: numbers kept, the oldest of them, numbers seen. */
const SIZE = 0
const OLDEST = 1
const COUNT = 2

export class RecentExtremes {
  readonly #memory: number
  /** Descending, and the number of each in the sequence of all. */
  readonly #values: Float32Array
  readonly #numbers: Int32Array
  readonly #counters: Int32Array

  /** `memory`: N. */
  constructor(memory: number, slab = new Slab()) {
    this.#memory = memory
    this.#values = slab.floats(KEPT)
    this.#numbers = slab.integers(KEPT)
    this.#counters = slab.integers(3)
  }

  /**
   * -log10 of the share of the last N numbers that are as large. Beyond the largest of them, `perSpread` more for each
   * distance between the largest and the bulk, whose middle is `centre`.
   */
  surprise(number: number, centre: number, perSpread: number): number {
    const count = this.#counters[COUNT]!
    const size = this.#counters[SIZE]!
    if (count < WARM) return 0
    const value = Math.fround(number)
    const among = Math.min(count, this.#memory)
    let larger = 0
    while (larger < size && this.#values[larger]! >= value) larger++
    if (larger > 0) return -Math.log10(larger / (among + 1))
    if (size === 0) return 0
    const largest = this.#values[0]!
    const hundredth = this.#values[Math.min(size - 1, Math.floor(among * 0.01))]!
    const spread = Math.max(1e-9, (hundredth - centre) / 2, (largest - centre) / 6)
    return Math.log10(among + 1) + (perSpread * (value - largest)) / spread
  }

  learn(number: number): void {
    const count = this.#counters[COUNT]! + 1
    this.#counters[COUNT] = count
    this.#forget()
    const value = Math.fround(number)
    let place = this.#counters[SIZE]!
    if (place === KEPT) {
      if (value <= this.#values[place - 1]!) return
      place--
    } else {
      if (place === 0) this.#counters[OLDEST] = count
      this.#counters[SIZE]!++
    }
    for (; place > 0 && this.#values[place - 1]! < value; place--) {
      this.#values[place] = this.#values[place - 1]!
      this.#numbers[place] = this.#numbers[place - 1]!
    }
    this.#values[place] = value
    this.#numbers[place] = count
  }

  /** Drops what has left the last N. */
  #forget(): void {
    const count = this.#counters[COUNT]!
    if (count - this.#counters[OLDEST]! < this.#memory) return
    let kept = 0
    let oldest = count
    const size = this.#counters[SIZE]!
    for (let i = 0; i < size; i++) {
      const number = this.#numbers[i]!
      if (count - number >= this.#memory) continue
      this.#values[kept] = this.#values[i]!
      this.#numbers[kept++] = number
      if (number < oldest) oldest = number
    }
    this.#counters[OLDEST] = oldest
    this.#counters[SIZE] = kept
  }
}

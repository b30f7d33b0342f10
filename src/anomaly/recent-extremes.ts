/**
 * How far out is a number among the last N? Only the largest K are kept, since only tails matter: their count gives an exact tail
 * probability down to K/N and up to 1/N, beyond the largest it is extrapolated. What it is bad at: numbers that are not in the tail.
 */
import type { StateBytes } from './state-bytes.ts'

const KEPT = 64
/** Before so many numbers nothing is surprising. */
const WARM = 30

export class RecentExtremes {
  readonly #memory: number
  /** Descending, and the number of each in the sequence of all. */
  readonly #values = new Float32Array(KEPT)
  readonly #numbers = new Int32Array(KEPT)
  #size = 0
  #oldest = 0
  #count = 0

  /** `memory`: N. */
  constructor(memory: number) {
    this.#memory = memory
  }

  /**
   * -log10 of the share of the last N numbers that are as large. Beyond the largest of them, `perSpread` more for each
   * distance between the largest and the bulk, whose middle is `centre`.
   */
  surprise(number: number, centre: number, perSpread: number): number {
    if (this.#count < WARM) return 0
    const value = Math.fround(number)
    const among = Math.min(this.#count, this.#memory)
    let larger = 0
    while (larger < this.#size && this.#values[larger]! >= value) larger++
    if (larger > 0) return -Math.log10(larger / (among + 1))
    if (this.#size === 0) return 0
    const largest = this.#values[0]!
    const hundredth = this.#values[Math.min(this.#size - 1, Math.floor(among * 0.01))]!
    const spread = Math.max(1e-9, (hundredth - centre) / 2, (largest - centre) / 6)
    return Math.log10(among + 1) + (perSpread * (value - largest)) / spread
  }

  learn(number: number): void {
    this.#count++
    this.#forget()
    const value = Math.fround(number)
    let place = this.#size
    if (place === KEPT) {
      if (value <= this.#values[place - 1]!) return
      place--
    } else {
      if (place === 0) this.#oldest = this.#count
      this.#size++
    }
    for (; place > 0 && this.#values[place - 1]! < value; place--) {
      this.#values[place] = this.#values[place - 1]!
      this.#numbers[place] = this.#numbers[place - 1]!
    }
    this.#values[place] = value
    this.#numbers[place] = this.#count
  }

  exchange(bytes: StateBytes): void {
    this.#size = bytes.number(this.#size)
    this.#oldest = bytes.number(this.#oldest)
    this.#count = bytes.number(this.#count)
    if (!(this.#size <= KEPT)) throw new RangeError('extremes out of bounds')
    bytes.numbers(this.#values.subarray(0, this.#size))
    bytes.numbers(this.#numbers.subarray(0, this.#size))
  }

  /** Drops what has left the last N. */
  #forget(): void {
    if (this.#count - this.#oldest < this.#memory) return
    let kept = 0
    this.#oldest = this.#count
    for (let i = 0; i < this.#size; i++) {
      const number = this.#numbers[i]!
      if (this.#count - number >= this.#memory) continue
      this.#values[kept] = this.#values[i]!
      this.#numbers[kept++] = number
      if (number < this.#oldest) this.#oldest = number
    }
    this.#size = kept
  }
}

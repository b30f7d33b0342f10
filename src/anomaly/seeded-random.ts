/** A seeded generator (xorshift32, Marsaglia 2003): equal seeds give equal forests, and its state is part of the snapshot. */
import type { StateBytes } from './state-bytes.ts'

export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 0 || 1
    for (let i = 0; i < 8; i++) this.below(1)
  }

  /** A number in [0, limit). */
  below(limit: number): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return ((x >>> 0) / 4294967296) * limit
  }

  /** An integer in [0, limit). */
  index(limit: number): number {
    return Math.floor(this.below(limit))
  }

  exchange(bytes: StateBytes): void {
    this.#state = bytes.number(this.#state) | 0 || 1
  }
}

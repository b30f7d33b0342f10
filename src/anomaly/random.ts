/** A seeded xorshift32: the detector's only source of chance, so that the same records give the same scores. */
export class Random {
  #state: number

  /** Any integer; equal seeds give equal sequences. */
  constructor(seed: number) {
    let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    this.#state = (mixed ^ (mixed >>> 16)) >>> 0 || 0x6d2b79f5
  }

  get state(): number {
    return this.#state
  }

  set state(value: number) {
    this.#state = value >>> 0 || 0x6d2b79f5
  }

  /** In [0, 1). */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state / 4294967296
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }
}

/** Seeded randomness for the demo's logs: xorshift32, and the few distributions a believable system needs. */
const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export class Random {
  #state: number

  constructor(seed: number) {
    // Consecutive seeds must not begin alike: mixed as in MurmurHash3's finalizer.
    let mixed = (seed ^ 0x9e3779b9) >>> 0
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    this.#state = (mixed ^ (mixed >>> 16)) >>> 0 || 1
  }

  /** In [0, 1). */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x >>> 0
    return this.#state / 4_294_967_296
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) {
      const four = this.below(0x10000)
      text += `${BYTES[four >> 8]}${BYTES[four & 255]}`
    }
    return text.slice(0, digits)
  }
}

/**
 * The numbers of one thing in one piece of memory, so that a snapshot of it is one copy. Its parts take what they need when they are
 * made, always in the same order: that order is the layout. What is taken is zero at first.
 */

/** Enough for any one part, and for everything about a service. */
const SIZE = 8192

export class Slab {
  readonly bytes: Uint8Array
  #taken = 0

  /** `size` in bytes, as `Slab.sizeOf` tells. */
  constructor(size = SIZE) {
    this.bytes = new Uint8Array(size)
  }

  /** Bytes that these parts take. */
  static sizeOf(make: (slab: Slab) => unknown): number {
    const slab = new Slab()
    make(slab)
    return Math.ceil(slab.#taken / 8) * 8
  }

  /** Throws RangeError where there is no room, as the others do. */
  doubles(count: number): Float64Array {
    return new Float64Array(this.bytes.buffer, this.#take(count, 8), count)
  }

  floats(count: number): Float32Array {
    return new Float32Array(this.bytes.buffer, this.#take(count, 4), count)
  }

  integers(count: number): Int32Array {
    return new Int32Array(this.bytes.buffer, this.#take(count, 4), count)
  }

  smallIntegers(count: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.#take(count, 1), count)
  }

  /** Where it begins, a multiple of the element's size. */
  #take(count: number, size: number): number {
    const begin = Math.ceil(this.#taken / size) * size
    this.#taken = begin + count * size
    if (this.#taken > this.bytes.length) throw new RangeError(`${this.#taken} bytes, of ${this.bytes.length}`)
    return begin
  }
}

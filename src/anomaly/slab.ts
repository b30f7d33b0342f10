/**
 * The numbers of one thing in one piece of memory, so that a snapshot of it is one copy. Its parts take what they need when they are
 * made, always in the same order: that order is the layout. What is taken is zero at first.
 *
 * A part takes either a view of its own, or a place in the views that all parts share: a view is an object of about 112 bytes, and of
 * a thing that there are thousands of, like a service, they would weigh as much as its numbers.
 */

/** Enough for any one part, and for everything about a service. */
const SIZE = 8192

export class Slab {
  /** The whole memory, shared by the parts. */
  readonly allDoubles: Float64Array
  readonly allFloats: Float32Array
  readonly allIntegers: Int32Array
  readonly #memory: ArrayBuffer
  #taken = 0

  /** `size` in bytes, a multiple of 8, as `Slab.sizeOf` tells. */
  constructor(size = SIZE) {
    this.#memory = new ArrayBuffer(size)
    this.allDoubles = new Float64Array(this.#memory)
    this.allFloats = new Float32Array(this.#memory)
    this.allIntegers = new Int32Array(this.#memory)
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#memory)
  }

  /** Bytes that these parts take. */
  static sizeOf(make: (slab: Slab) => unknown): number {
    const slab = new Slab()
    make(slab)
    return Math.ceil(slab.#taken / 8) * 8
  }

  /** Where the part's numbers begin in `allDoubles`. Throws RangeError where there is no room, as the others do. */
  placeOfDoubles(count: number): number {
    return this.#take(count, 8) / 8
  }

  placeOfFloats(count: number): number {
    return this.#take(count, 4) / 4
  }

  placeOfIntegers(count: number): number {
    return this.#take(count, 4) / 4
  }

  doubles(count: number): Float64Array {
    return new Float64Array(this.#memory, this.#take(count, 8), count)
  }

  floats(count: number): Float32Array {
    return new Float32Array(this.#memory, this.#take(count, 4), count)
  }

  integers(count: number): Int32Array {
    return new Int32Array(this.#memory, this.#take(count, 4), count)
  }

  smallIntegers(count: number): Uint8Array {
    return new Uint8Array(this.#memory, this.#take(count, 1), count)
  }

  /** Where it begins, a multiple of the element's size. */
  #take(count: number, size: number): number {
    const begin = Math.ceil(this.#taken / size) * size
    this.#taken = begin + count * size
    if (this.#taken > this.#memory.byteLength)
      throw new RangeError(`${this.#taken} bytes, of ${this.#memory.byteLength}`)
    return begin
  }
}

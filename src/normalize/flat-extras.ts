/** The members of a flat log that nobody asked for: their names, and their JSON text as it lies there. */
import { VerbatimJson } from '../verbatim-json.ts'

const COLON = 0x3a
const POINT = 0x2e
const ZERO = 0x30
/** Below it JavaScript writes an exponent. */
const PLAIN_MIN = 1e-6
/** As many as a double holds whatever they are, and a point. */
const FRACTION_LENGTH_MAX = 16

export class FlatExtras {
  count = 0
  readonly json = new VerbatimJson()
  /** True as long as `json` is the text that JSON.stringify makes of these members. */
  verbatim = true
  /** Without quotes. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array

  constructor(max: number) {
    this.#starts = new Int32Array(max)
    this.#ends = new Int32Array(max)
  }

  clear(): void {
    if (this.count === 0) return
    this.count = 0
    this.json.clear()
    this.verbatim = true
  }

  /** A name that lies at [start, end), its quotes around it. */
  name(bytes: Buffer, start: number, end: number): void {
    if (bytes[end + 1] !== COLON || this.#has(bytes, start, end)) this.verbatim = false
    this.#starts[this.count] = start
    this.#ends[this.count++] = end
    this.json.name(start - 1, end + 2)
  }

  nameOf(bytes: Buffer, extra: number): string {
    return bytes.toString('latin1', this.#starts[extra]!, this.#ends[extra]!)
  }

  /** Its value at [start, end); `number` is what it was read as if it is one. */
  value(bytes: Buffer, at: { readonly start: number; readonly end: number; readonly number: number | null }): void {
    if (at.number !== null && !isSpelledAlike(bytes, at.start, at.end, at.number)) this.verbatim = false
    this.json.value(at.start, at.end)
  }

  #has(bytes: Buffer, start: number, end: number): boolean {
    for (let extra = 0; extra < this.count; extra++) {
      const other = this.#starts[extra]!
      if (this.#ends[extra]! - other !== end - start) continue
      let same = 0
      while (start + same < end && bytes[start + same] === bytes[other + same]) same++
      if (start + same === end) return true
    }
    return false
  }
}

/** Whether String() makes of the number what it was read from: at most 15 digits before the point, no exponent, no leading zeros. */
function isSpelledAlike(bytes: Buffer, start: number, end: number, number: number): boolean {
  if (number === 0) return end - start === 1
  let point = start
  while (point < end && bytes[point] !== POINT) point++
  if (point === end) return true
  return bytes[end - 1] !== ZERO && end - start <= FRACTION_LENGTH_MAX && Math.abs(number) >= PLAIN_MIN
}

/**
 * The JSON text of an object whose members lie in the bytes of a larger one, in pieces of these bytes: text that is only going to be written
 * again is not read.
 *
 *   {"level":"INFO","host":"a-7","status":200,"message":"x", "retry": true}
 *                   ^^^^^^^^^^^^^^^^^^^^^^^^^                ^^^^^^^^ ^^^^     behind a colon comes a value, behind a value a comma
 */
const COLON = 0x3a
const COMMA = 0x2c
const OPEN = 0x7b
const CLOSE = 0x7d
/** Up to here a loop is faster than a call. */
const SHORT_BYTES = 32

export class VerbatimJson {
  /** Where they begin and end, in turn. An array, since most objects have one or two: it grows for those that have more. */
  readonly #places: number[] = []
  #pieces = 0
  /** Of the text, in bytes; 0: no members. */
  length = 0

  clear(): void {
    this.#pieces = 0
    this.length = 0
  }

  /** A member's name lies at [start, end), with its quotes and its colon. */
  name(start: number, end: number): void {
    this.length += (this.length === 0 ? 2 : 1) + end - start
    // One byte lies between, the comma.
    if (this.#pieces > 0 && this.#places[2 * this.#pieces - 1] === start - 1) this.#places[2 * this.#pieces - 1] = end
    else this.#piece(start, end)
  }

  /** The value of the member named last. */
  value(start: number, end: number): void {
    this.length += end - start
    if (this.#places[2 * this.#pieces - 1] === start) this.#places[2 * this.#pieces - 1] = end
    else this.#piece(start, end)
  }

  /** Becomes the same as another. */
  copy(other: VerbatimJson): void {
    const places = other.#places
    for (let at = 0; at < 2 * other.#pieces; at++) this.#places[at] = places[at]!
    this.#pieces = other.#pieces
    this.length = other.length
  }

  /** Writes `length` bytes. */
  writeTo(target: Buffer, start: number, source: Buffer): void {
    const places = this.#places
    let at = start
    target[at++] = OPEN
    for (let piece = 0; piece < this.#pieces; piece++) {
      const from = places[2 * piece]!
      const end = places[2 * piece + 1]!
      if (piece > 0 && target[at - 1] !== COLON) target[at++] = COMMA
      if (end - from > SHORT_BYTES) {
        source.copy(target, at, from, end)
        at += end - from
      } else for (let i = from; i < end; i++) target[at++] = source[i]!
    }
    target[at] = CLOSE
  }

  textOf(source: Buffer): string {
    const bytes = Buffer.allocUnsafe(this.length)
    this.writeTo(bytes, 0, source)
    return bytes.toString('utf8')
  }

  #piece(start: number, end: number): void {
    this.#places[2 * this.#pieces] = start
    this.#places[2 * this.#pieces + 1] = end
    this.#pieces++
  }
}

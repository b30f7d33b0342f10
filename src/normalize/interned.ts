/** One string for all equal texts of few distinct values, so that comparing and looking up is cheap and nothing holds on to a message's text. */
const SLOTS = 512

export class Interned {
  readonly #slots = new Array<string>(SLOTS).fill('')

  /** The text of `bytes`, which are ASCII and read as `text`, from `start` to `end`. */
  at(bytes: Uint8Array, text: string, start: number, end: number): string {
    const length = end - start
    if (length === 0) return ''
    const middle = bytes[start + (length >> 1)]!
    const slot = (length * 37 + bytes[start]! * 5 + middle * 11 + bytes[end - 1]! * 3) % SLOTS
    const known = this.#slots[slot]!
    if (known.length === length && text.startsWith(known, start)) return known
    // A copy: a substring would keep the whole text in memory.
    const copy = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1')
    this.#slots[slot] = copy
    return copy
  }
}

/** One string for all equal texts of few distinct values, so that comparing and looking up is cheap and nothing holds on to a message's text. */
const SLOTS = 512
/** A longer one is hardly one of few, and none is to hold much memory for ever. */
const LENGTH_MAX = 128

export class Interned {
  readonly #slots = new Array<string>(SLOTS).fill('')

  /** The text of `bytes`, which are ASCII, from `start` to `end`. */
  at(bytes: Buffer, start: number, end: number): string {
    const length = end - start
    if (length === 0) return ''
    if (length > LENGTH_MAX) return bytes.toString('latin1', start, end)
    const middle = bytes[start + (length >> 1)]!
    const slot = (length * 37 + bytes[start]! * 5 + middle * 11 + bytes[end - 1]! * 3) % SLOTS
    const known = this.#slots[slot]!
    if (isTextAt(bytes, start, length, known)) return known
    const text = bytes.toString('latin1', start, end)
    this.#slots[slot] = text
    return text
  }
}

function isTextAt(bytes: Uint8Array, start: number, length: number, text: string): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

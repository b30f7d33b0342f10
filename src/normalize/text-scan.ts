/** The texts of JSON that are not printable ASCII throughout: whether they can be left as they lie there, and where they end. */
import { ESCAPED, hexUnit } from '../json-string.ts'

const QUOTE = 0x22
const SLASH = 0x2f
const BACKSLASH = 0x5c
const UNICODE = 0x75
const WORD_BYTES = 4
const UPPER = { first: 0x41, last: 0x46 } as const
/** Controls that JSON.stringify writes with a letter. */
const LETTERED = Buffer.from('\b\t\n\f\r')

/** Where printable ASCII ends that neither is a quote nor a backslash: at a quote, if nothing is special. `view` is of the same bytes. */
export function asciiEnd(bytes: Buffer, view: DataView, start: number): number {
  const lastWord = bytes.length - WORD_BYTES
  let at = start
  // Four bytes at a time take half of what single ones do.
  while (at <= lastWord && !hasSpecial(view.getInt32(at))) at += WORD_BYTES
  let byte = bytes[at]!
  // Past the end a byte is undefined, and no comparison with it holds.
  while (byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH) byte = bytes[++at]!
  return at
}

/** Whether one of four bytes is below 0x20, above 0x7e, a quote or a backslash (Warren, Hacker's Delight, 6-1). */
function hasSpecial(word: number): boolean {
  const quote = word ^ 0x22222222
  const backslash = word ^ 0x5c5c5c5c
  const found = (word - 0x20202020) | (word + 0x01010101) | (quote - 0x01010101) | (backslash - 0x01010101)
  return (((found & ~word) | word) & 0x80808080) !== 0
}

/** Of a text. With more of them, passing over and decoding them here costs more than JSON.parse does. */
export const ESCAPES_MAX = 256
/** Of a value. In a longer one a text with escapes hardly has few of them, and is not scanned only to be given up. */
const BYTES_MAX = 8_192

export class TextScan {
  /** Of the text scanned last, or of its beginning. */
  escapes = 0
  /** Whether JSON.stringify would write it so. */
  verbatim = true
  #escapesMax = ESCAPES_MAX

  /** What is scanned from now on is part of a value of so many bytes. */
  begin(bytes: number): void {
    this.#escapesMax = bytes > BYTES_MAX ? 0 : ESCAPES_MAX
  }

  /**
   * Where the text ends that `at` lies in: at its closing quote. -1: what follows is not well-formed, or has to be changed to be stored: NUL,
   * half of a surrogate pair; or has too many escapes. May look beyond the end of its value. `view` is of the same bytes.
   */
  endOf(bytes: Buffer, view: DataView, start: number): number {
    this.escapes = 0
    this.verbatim = true
    let at = start
    while (at >= 0 && at < bytes.length) {
      const byte = bytes[at]!
      if (byte >= 0x80) at = sequenceEnd(bytes, at)
      else if (byte === BACKSLASH) at = this.#escapeEnd(bytes, at)
      else if (byte === QUOTE) return at
      else if (byte < 0x20) return -1
      else at = bytes[at + 1]! < 0x80 ? asciiEnd(bytes, view, at + 1) : at + 1
    }
    return -1
  }

  #escapeEnd(bytes: Buffer, at: number): number {
    if (this.escapes++ === this.#escapesMax) return -1
    const letter = bytes[at + 1] ?? 0
    if (letter === UNICODE) return this.#unitEnd(bytes, at)
    if (letter === SLASH) this.verbatim = false
    return ESCAPED[letter] === 0 ? -1 : at + 2
  }

  #unitEnd(bytes: Buffer, at: number): number {
    const unit = hexUnit(bytes, at + 2)
    if (unit <= 0) return -1
    if ((unit & 0xf800) !== 0xd800) {
      if (!isStringified(bytes, at, unit)) this.verbatim = false
      return at + 6
    }
    this.verbatim = false
    if (unit >= 0xdc00 || bytes[at + 6] !== BACKSLASH || bytes[at + 7] !== UNICODE) return -1
    const low = hexUnit(bytes, at + 8)
    return low >= 0xdc00 && low < 0xe000 ? at + 12 : -1
  }
}

/** Of the escapes by number JSON.stringify writes those of the other controls, in small letters. */
function isStringified(bytes: Buffer, at: number, unit: number): boolean {
  const last = bytes[at + 5]!
  return unit < 0x20 && !LETTERED.includes(unit) && !(last >= UPPER.first && last <= UPPER.last)
}

/** Behind the UTF-8 sequence at `at`; -1: none (Unicode, table 3-7: no overlong ones, no surrogates, nothing beyond 10FFFF). */
function sequenceEnd(bytes: Buffer, at: number): number {
  const lead = bytes[at]!
  const second = bytes[at + 1] ?? 0
  if (!isTail(second)) return -1
  if (lead < 0xe0) return lead >= 0xc2 ? at + 2 : -1
  if (!isTail(bytes[at + 2] ?? 0)) return -1
  if (lead < 0xf0) return (lead === 0xe0 && second < 0xa0) || (lead === 0xed && second >= 0xa0) ? -1 : at + 3
  if (!isTail(bytes[at + 3] ?? 0) || lead > 0xf4) return -1
  return (lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second >= 0x90) ? -1 : at + 4
}

function isTail(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}

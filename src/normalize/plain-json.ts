/**
 * JSON that is written just as JSON.stringify would write what JSON.parse makes of it, and told so without making anything of it.
 *
 *   value  = "{" [ name ":" value *( "," name ":" value ) ] "}" | "[" [ value *( "," value ) ] "]" | text | number | true | false | null
 *   text   = well-formed UTF-8, escapes as JSON.stringify has them (text-scan.ts); no blanks between, since none would be written
 *   name   = '"' *( %x20-7E except '"' and '\' ) '"' that begins with no digit and was not there before in the same object
 *   number = [ "-" ] ( "0" | nonzero ) [ "." *DIGIT nonzero ]   at most 15 digits, at least a millionth; "0" without a sign
 */
import { asciiEnd, type TextScan } from './text-scan.ts'

const DEPTH_MAX = 8
/** Of the objects that are open at once. */
const NAMES_MAX = 64
const DIGITS_MAX = 15
/** Behind a zero and a point: with one more JavaScript writes an exponent. */
const ZEROS_MAX = 5
const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN = 0x7b
const CLOSE = 0x7d
const WORDS = ['true', 'false', 'null'].map((word) => Buffer.from(word))

const NO_VIEW: DataView = new DataView(new ArrayBuffer(0))

export class PlainJson {
  /** How deep the value measured last is nested; 0: neither object nor list. */
  depth = 0
  readonly #starts = new Int32Array(NAMES_MAX)
  readonly #ends = new Int32Array(NAMES_MAX)
  readonly #scan: TextScan
  #names = 0
  #view = NO_VIEW

  constructor(scan: TextScan) {
    this.#scan = scan
  }

  /** Where the value that begins at `start` ends; -1: it is written otherwise, nested deeper than eight levels, or none. May look beyond its end. `view` is of the same bytes. */
  endOf(bytes: Buffer, view: DataView, start: number): number {
    this.depth = 0
    this.#names = 0
    this.#view = view
    const end = this.#value(bytes, start, 1)
    this.#view = NO_VIEW
    return end
  }

  #value(bytes: Buffer, at: number, depth: number): number {
    const first = bytes[at]
    if (first === QUOTE) return this.#textEnd(bytes, at + 1)
    if (first !== OPEN && first !== OPEN_LIST) return Math.max(plainNumberEnd(bytes, at), wordEnd(bytes, at))
    if (depth > DEPTH_MAX) return -1
    if (depth > this.depth) this.depth = depth
    return first === OPEN ? this.#object(bytes, at + 1, depth) : this.#list(bytes, at + 1, depth)
  }

  #object(bytes: Buffer, start: number, depth: number): number {
    if (bytes[start] === CLOSE) return start + 1
    const outer = this.#names
    let at = start
    for (;;) {
      const quote = bytes[at] === QUOTE ? asciiEnd(bytes, this.#view, at + 1) : -1
      const colon = quote + 1
      if (bytes[quote] !== QUOTE || bytes[colon] !== COLON || !this.#isNew(bytes, at + 1, quote, outer)) return -1
      at = this.#value(bytes, colon + 1, depth + 1)
      if (at < 0) return -1
      const next = bytes[at++]
      if (next === CLOSE) {
        this.#names = outer
        return at
      }
      if (next !== COMMA) return -1
    }
  }

  #list(bytes: Buffer, start: number, depth: number): number {
    if (bytes[start] === CLOSE_LIST) return start + 1
    let at = start
    for (;;) {
      at = this.#value(bytes, at, depth + 1)
      if (at < 0) return -1
      const next = bytes[at++]
      if (next === CLOSE_LIST) return at
      if (next !== COMMA) return -1
    }
  }

  /** Behind the closing quote. */
  #textEnd(bytes: Buffer, start: number): number {
    const ascii = asciiEnd(bytes, this.#view, start)
    if (bytes[ascii] === QUOTE) return ascii + 1
    const end = this.#scan.endOf(bytes, this.#view, ascii)
    return end >= 0 && this.#scan.verbatim ? end + 1 : -1
  }

  /** Notes the name at [start, end) of an object whose names begin at `outer`. */
  #isNew(bytes: Buffer, start: number, end: number, outer: number): boolean {
    if (this.#names === NAMES_MAX || isDigit(bytes[start])) return false
    for (let name = outer; name < this.#names; name++) {
      if (isSameText(bytes, { start, end }, { start: this.#starts[name]!, end: this.#ends[name]! })) return false
    }
    this.#starts[this.#names] = start
    this.#ends[this.#names++] = end
    return true
  }
}

interface Span {
  readonly start: number
  readonly end: number
}

export function isSameText(bytes: Buffer, one: Span, other: Span): boolean {
  if (one.end - one.start !== other.end - other.start) return false
  for (let i = one.start, k = other.start; i < one.end; i++, k++) if (bytes[i] !== bytes[k]) return false
  return true
}

function wordEnd(bytes: Buffer, start: number): number {
  for (const word of WORDS) {
    let same = 0
    while (same < word.length && bytes[start + same] === word[same]) same++
    if (same === word.length) return start + same
  }
  return -1
}

/** Where the number ends that begins at `start`; -1: none, or spelled otherwise than by JavaScript. */
export function plainNumberEnd(bytes: Buffer, start: number): number {
  const first = bytes[start] === MINUS ? start + 1 : start
  let at = first
  while (isDigit(bytes[at])) at++
  const whole = at - first
  const zero = bytes[first] === ZERO
  if (whole === 0 || (zero && whole > 1)) return -1
  if (bytes[at] !== POINT) return whole > DIGITS_MAX || (zero && first > start) || isExponent(bytes[at]) ? -1 : at
  const point = at++
  while (bytes[at] === ZERO) at++
  if (zero && at - point - 1 > ZEROS_MAX) return -1
  while (isDigit(bytes[at])) at++
  const isLong = at - first - 1 > DIGITS_MAX
  return isLong || at === point + 1 || bytes[at - 1] === ZERO || isExponent(bytes[at]) ? -1 : at
}

function isExponent(byte: number | undefined): boolean {
  return byte === 0x65 || byte === 0x45
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

/**
 * The JSON that SDKs send, in one scan: an object whose members are strings without escapes, plain numbers, true, false or null.
 *
 *   log    = "{" [ member *( "," member ) ] "}"          blanks allowed wherever JSON allows them
 *   member = name ":" ( text | number | true | false | null )
 *   text   = '"' *( %x20-7E except '"' and '\' ) '"'     ASCII, so that bytes and characters are the same
 *   number = [ "-" ] 1*15DIGIT [ "." 1*DIGIT ]           what a double holds; no exponent
 *
 * Whatever else it meets it gives up on, and JSON.parse has its turn: escapes, other alphabets, nesting, names that come twice,
 * names that are numbers (JavaScript would put them first). What it does read comes out as from JSON.parse.
 */
import { type Fields, type Place, placeAt } from './aliases.ts'
import { Interned } from './interned.ts'

/** Beyond this, looking for a name that comes twice costs more than JSON.parse. */
const EXTRAS_MAX = 16
const DIGITS_MAX = 15
const USUAL_MAX = 32

/** Reads a value that begins with `{` into `fields`. False: not read, and `fields` holds nothing of use. */
export class FlatJson {
  readonly #fields: Fields
  readonly #interned = new Interned()
  /** The known names of the log before, by their place in it: producers keep an order. */
  readonly #usual: (Place | null)[] = []
  #members = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #text = ''
  #at = 0
  #value: unknown = null

  constructor(fields: Fields) {
    this.#fields = fields
  }

  read(value: Buffer): boolean {
    this.#bytes = value
    this.#text = value.toString('latin1')
    this.#at = 1
    this.#members = 0
    this.#fields.clear()
    if (this.#skipBlanks() === CLOSE) return this.#ended()
    for (;;) {
      if (!this.#member()) return false
      const next = this.#skipBlanks()
      this.#at++
      if (next === CLOSE) {
        this.#at--
        return this.#ended()
      }
      if (next !== COMMA) return false
      this.#skipBlanks()
    }
  }

  #member(): boolean {
    const usual = this.#usual[this.#members]
    if (usual != null && this.#isUsual(usual)) return this.#known(usual)
    const start = this.#at + 1
    const end = this.#textEnd()
    if (end < 0) return false
    this.#at = end + 1
    if (this.#skipBlanks() !== COLON) return false
    this.#at++
    this.#skipBlanks()
    const place = placeAt(this.#text, start, end)
    if (this.#members < USUAL_MAX) this.#usual[this.#members] = place
    return place === null ? this.#extra(start, end) : this.#known(place)
  }

  /** Passes over the name and its colon where they stand here, without blanks between. */
  #isUsual({ opening }: Place): boolean {
    const bytes = this.#bytes
    const start = this.#at
    for (let i = 0; i < opening.length; i++) if (bytes[start + i] !== opening[i]) return false
    this.#at = start + opening.length
    return true
  }

  #known(place: Place): boolean {
    this.#members++
    return this.#readValue(place.few) && this.#fields.putOnce(place, this.#value)
  }

  #extra(start: number, end: number): boolean {
    this.#members++
    const fields = this.#fields
    if (isDigit(this.#bytes[start]) || fields.extras.length >= EXTRAS_MAX || !this.#readValue(false)) return false
    const name = this.#text.substring(start, end)
    for (const [known] of fields.extras) if (known === name) return false
    fields.put(name, this.#value)
    return true
  }

  /** Where the text that begins here ends; -1 where it is none or not a plain one. */
  #textEnd(): number {
    const bytes = this.#bytes
    let at = this.#at
    if (bytes[at] !== QUOTE) return -1
    let byte = bytes[++at]!
    // Past the end a byte is undefined, and no comparison with it holds.
    while (byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH) byte = bytes[++at]!
    return byte === QUOTE ? at : -1
  }

  /** `few`: the field has few distinct values. */
  #readValue(few: boolean): boolean {
    const first = this.#bytes[this.#at]
    if (first === QUOTE) {
      const start = this.#at + 1
      const end = this.#textEnd()
      if (end < 0) return false
      const text = this.#text
      this.#value = few ? this.#interned.at(this.#bytes, text, start, end) : text.substring(start, end)
      this.#at = end + 1
      return true
    }
    if (first === MINUS || (first !== undefined && first >= ZERO && first <= NINE)) return this.#readNumber()
    return this.#readWord('true', true) || this.#readWord('false', false) || this.#readWord('null', null)
  }

  #readWord(word: string, value: boolean | null): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#at += word.length
    this.#value = value
    return true
  }

  #readNumber(): boolean {
    const bytes = this.#bytes
    const start = this.#at
    let at = bytes[start] === MINUS ? start + 1 : start
    const first = at
    let value = 0
    for (; isDigit(bytes[at]); at++) value = value * 10 + bytes[at]! - ZERO
    const digits = at - first
    if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[first] === ZERO)) return false
    if (bytes[at] === POINT) {
      const point = at++
      while (isDigit(bytes[at])) at++
      if (at === point + 1) return false
      value = Number(this.#text.substring(start, at))
    } else if (first > start) value = -value
    if (isNumberTail(bytes[at])) return false
    this.#value = value
    this.#at = at
    return true
  }

  /** At the closing brace: nothing but blanks may follow. */
  #ended(): boolean {
    this.#at++
    this.#skipBlanks()
    return this.#at === this.#bytes.length
  }

  /** The first byte that is none. */
  #skipBlanks(): number | undefined {
    const bytes = this.#bytes
    let byte = bytes[this.#at]
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = bytes[++this.#at]
    return byte
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const CLOSE = 0x7d
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

/** An exponent, a second point: JSON.parse says whether it is a number. */
function isNumberTail(byte: number | undefined): boolean {
  return byte === 0x65 || byte === 0x45 || byte === POINT
}

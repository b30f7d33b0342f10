/**
 * The JSON that SDKs send, in one scan: an object whose members are strings, plain numbers, true, false or null;
 * those that nobody asked for may also be objects and lists that can be left as they are written (plain-json.ts).
 *
 *   log    = "{" [ member *( "," member ) ] "}"          blanks allowed wherever JSON allows them
 *   member = name ":" ( text | number | true | false | null )
 *   name   = '"' *( %x20-7E except '"' and '\' ) '"'     ASCII, so that bytes and characters are the same
 *   text   = any that can be stored as it is (text-scan.ts); where it lies is noted, and nothing is decoded
 *   number = [ "-" ] 1*15DIGIT [ "." 1*DIGIT ]           what a double holds; no exponent
 *
 * Whatever else it meets it gives up on, and JSON.parse has its turn: texts that have to be changed, nesting, names that come twice,
 * names with escapes or of other alphabets, names that are numbers (JavaScript would put them first). What it does read comes out as from JSON.parse.
 */
import { FORM, type Form, stringAt } from '../json-string.ts'
import { type Fields, type Place, placeAt } from './aliases.ts'
import { FlatExtras } from './flat-extras.ts'
import { Interned } from './interned.ts'
import { plainNumberEnd } from './plain-json.ts'
import { asciiEnd, TextScan } from './text-scan.ts'

/** Beyond this, looking for a name that comes twice costs more than JSON.parse. */
const EXTRAS_MAX = 16
const DIGITS_MAX = 15
const MEMBERS_MAX = 32

/** What a member holds: a text in one of its forms, or something else. */
export const MEMBER = { ...FORM, number: 3, true: 4, false: 5, null: 6 } as const
type MemberKind = (typeof MEMBER)[keyof typeof MEMBER]

export function isText(kind: number): kind is Form {
  return kind <= MEMBER.escaped
}

const NO_BYTES = Buffer.alloc(0)
const WORDS = { [MEMBER.true]: true, [MEMBER.false]: false, [MEMBER.null]: null } as const

/** Reads a value that begins with `{`. Its members stand in columns, in the order sent, until the next is read. */
export class FlatJson {
  count = 0
  /** By member: what its name stands for; null for a name that nobody asked for. */
  readonly places = new Array<Place | null>(MEMBERS_MAX).fill(null)
  readonly kinds = new Uint8Array(MEMBERS_MAX)
  /** Of texts: where they lie in `bytes`, without their quotes. */
  readonly starts = new Int32Array(MEMBERS_MAX)
  readonly ends = new Int32Array(MEMBERS_MAX)
  readonly numbers = new Float64Array(MEMBERS_MAX)
  readonly #scan = new TextScan()
  /** Those of them that nobody asked for. */
  readonly extras = new FlatExtras(EXTRAS_MAX, this.#scan)
  bytes: Buffer = NO_BYTES
  readonly #interned = new Interned()
  #view: DataView = new DataView(NO_BYTES.buffer)
  #at = 0

  /** The value at [start, end) of some bytes. False: not read, and what the columns hold is of no use. */
  read(bytes: Buffer, start: number, end: number): boolean {
    if (this.bytes !== bytes) this.#over(bytes)
    this.#scan.begin(end - start)
    this.#at = start + 1
    this.count = 0
    this.extras.clear()
    if (this.#skipBlanks() === CLOSE) return this.#ended(end)
    for (;;) {
      if (this.count === MEMBERS_MAX || !this.#member()) return false
      this.count++
      const next = this.#skipBlanks()
      if (next === CLOSE) return this.#ended(end)
      if (next !== COMMA) return false
      this.#at++
      this.#skipBlanks()
    }
  }

  /** Holds on to no bytes any more; what the columns hold is of no use. */
  letGo(): void {
    this.#over(NO_BYTES)
    this.count = 0
  }

  #over(bytes: Buffer): void {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** Puts the members into fields. False where a name comes twice, or an extra member is an object or a list, which was not read. */
  fill(fields: Fields): boolean {
    fields.clear()
    if (this.extras.depth > 0) return false
    let extra = 0
    for (let member = 0; member < this.count; member++) {
      const place = this.places[member]!
      if (place !== null) {
        if (!fields.putOnce(place, this.valueOf(member))) return false
        continue
      }
      const name = this.extras.nameOf(this.bytes, extra++)
      for (const [known] of fields.extras) if (known === name) return false
      fields.put(name, this.valueOf(member))
    }
    return true
  }

  valueOf(member: number): unknown {
    const kind = this.kinds[member] as MemberKind
    if (isText(kind)) {
      return this.places[member]?.few === true && kind === MEMBER.ascii ? this.fewTextOf(member) : this.textOf(member)
    }
    return kind === MEMBER.number ? this.numbers[member]! : WORDS[kind]
  }

  /** The ASCII text of a field with few distinct values: one string for equal ones. */
  fewTextOf(member: number): string {
    return this.#interned.at(this.bytes, this.starts[member]!, this.ends[member]!)
  }

  textOf(member: number): string {
    return stringAt(this.bytes, this.starts[member]!, this.ends[member]!, this.kinds[member] as Form)
  }

  #member(): boolean {
    const { count, places } = this
    // The known name that stood here in the log before: producers keep an order.
    const usual = places[count]!
    if (usual !== null && this.#isUsual(usual)) return this.#readValue()
    const start = this.#at + 1
    if (this.bytes[start - 1] !== QUOTE) return false
    const end = asciiEnd(this.bytes, this.#view, start)
    if (this.bytes[end] !== QUOTE) return false
    this.#at = end + 1
    if (this.#skipBlanks() !== COLON) return false
    this.#at++
    this.#skipBlanks()
    const place = placeAt(this.bytes, start, end)
    places[count] = place
    return place === null ? this.#extra(start, end) : this.#readValue()
  }

  #extra(nameStart: number, nameEnd: number): boolean {
    const { bytes, extras } = this
    if (isDigit(bytes[nameStart]) || extras.count === EXTRAS_MAX) return false
    extras.name(bytes, nameStart, nameEnd)
    const start = this.#at
    if (bytes[start] === OPEN || bytes[start] === OPEN_LIST) {
      this.#at = extras.nested(bytes, this.#view, start)
      return this.#at >= 0
    }
    if (!this.#readValue()) return false
    extras.value({ start, end: this.#at, verbatim: this.#isVerbatim(start) })
    return true
  }

  /** Whether JSON.stringify would write the value read last, which begins at `start`, as it is written there. */
  #isVerbatim(start: number): boolean {
    const kind = this.kinds[this.count]
    if (kind === MEMBER.number) return plainNumberEnd(this.bytes, start) === this.#at
    return kind !== MEMBER.escaped || this.#scan.verbatim
  }

  /** Passes over the name and its colon where they stand here, without blanks between. */
  #isUsual({ opening }: Place): boolean {
    if (!isAt(this.bytes, this.#at, opening)) return false
    this.#at += opening.length
    return true
  }

  #readValue(): boolean {
    const first = this.bytes[this.#at]
    if (first === QUOTE) {
      const { bytes, count } = this
      const start = this.#at + 1
      let end = asciiEnd(bytes, this.#view, start)
      if (bytes[end] === QUOTE) this.kinds[count] = MEMBER.ascii
      else {
        end = this.#scan.endOf(bytes, this.#view, end)
        if (end < 0) return false
        this.kinds[count] = this.#scan.escapes > 0 ? MEMBER.escaped : MEMBER.utf8
      }
      this.starts[count] = start
      this.ends[count] = end
      this.#at = end + 1
      return true
    }
    if (first === MINUS || (first !== undefined && first >= ZERO && first <= NINE)) return this.#readNumber()
    return this.#readWord(TRUE, MEMBER.true) || this.#readWord(FALSE, MEMBER.false) || this.#readWord(NULL, MEMBER.null)
  }

  #readWord(word: Uint8Array, kind: MemberKind): boolean {
    if (!isAt(this.bytes, this.#at, word)) return false
    this.#at += word.length
    this.kinds[this.count] = kind
    return true
  }

  #readNumber(): boolean {
    const bytes = this.bytes
    const start = this.#at
    let at = bytes[start] === MINUS ? start + 1 : start
    const first = at
    let value = 0
    for (; isDigit(bytes[at]); at++) value = value * 10 + bytes[at]! - ZERO
    let digits = at - first
    if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[first] === ZERO)) return false
    if (bytes[at] === POINT) {
      const point = at++
      for (; isDigit(bytes[at]); at++) value = value * 10 + bytes[at]! - ZERO
      const places = at - point - 1
      digits += places
      if (places === 0) return false
      // Both are exact up to 15 digits, and then so is the rounding of their quotient.
      value = digits <= DIGITS_MAX ? value / POWERS_OF_TEN[places]! : Number(bytes.toString('latin1', first, at))
    }
    if (first > start) value = -value
    if (isNumberTail(bytes[at])) return false
    this.kinds[this.count] = MEMBER.number
    this.numbers[this.count] = value
    this.#at = at
    return true
  }

  /** At the closing brace: nothing but blanks may follow. What was read beyond the end was not of this value. */
  #ended(end: number): boolean {
    this.#at++
    while (this.#at < end && isBlank(this.bytes[this.#at])) this.#at++
    return this.#at === end
  }

  /** The first byte that is none. */
  #skipBlanks(): number | undefined {
    const bytes = this.bytes
    let byte = bytes[this.#at]
    while (isBlank(byte)) byte = bytes[++this.#at]
    return byte
  }
}

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')
const POWERS_OF_TEN = Array.from({ length: DIGITS_MAX + 1 }, (_, power) => 10 ** power)

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN = 0x7b
const CLOSE = 0x7d
const OPEN_LIST = 0x5b
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39

function isAt(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false
  return true
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

/** An exponent, a second point: JSON.parse says whether it is a number. */
function isNumberTail(byte: number | undefined): boolean {
  return byte === 0x65 || byte === 0x45 || byte === POINT
}

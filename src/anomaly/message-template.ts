/**
 * A message as tokens with its variables masked. Tokens are parted by blanks, their parts by = and /; a part with a digit in it
 * is a variable, so is a weekday or month; variables that follow each other count as one.
 *
 *   "Jun 17 blk_38 served to /10.250.19.1 as user=root"  ->  "* * * served to /* as user=root"
 */
import { readUnits } from '../json-string.ts'

const LENGTH_MAX = 512
export const TOKENS_MAX = 64
const PRIME = 0x01000193
const BASIS = 0x811c9dc5 | 0
const BLANK = 32
const STAR = 42
/** What a UTF-16 code unit is; others are 0. */
const DIGIT = 1
const JOINS = 2
const BLANKS = 3
const KINDS = new Uint8Array(65_536).fill(BLANKS, 0, BLANK + 1).fill(DIGIT, 48, 58)
for (const character of '=/') KINDS[character.charCodeAt(0)] = JOINS
/** The hash of a token that is a variable as a whole. */
export const VARIABLE = mixed(Math.imul(Math.imul(BASIS, PRIME) ^ STAR, PRIME))

const CALENDAR = new Set(
  'mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec'
    .split(' ')
    .map((word) => packed(word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(2))),
)

/** The masked tokens of the message read last. */
export class MessageTokens {
  /** Their hashes; the first `count` are the message's. */
  readonly hashes = new Int32Array(TOKENS_MAX)
  count = 0
  /** Over all of them. */
  hash = 0
  readonly #units = new Uint16Array(LENGTH_MAX)

  /** Reads the first 512 characters, at most 64 tokens. Allocates nothing. */
  read(message: string): void {
    const length = Math.min(message.length, LENGTH_MAX)
    const units = this.#units
    for (let i = 0; i < length; i++) units[i] = message.charCodeAt(i)
    this.#read(units, 0, length)
  }

  /** The same of a message that lies at `at` of some bytes, in ASCII. */
  readAscii(bytes: Uint8Array, at: number, length: number): void {
    this.#read(bytes, at, Math.min(length, LENGTH_MAX))
  }

  /** The same of one that lies in the bytes as JSON has it. */
  readJson(bytes: Uint8Array, at: number, length: number): void {
    this.#read(this.#units, 0, readUnits(this.#units, bytes, at, at + length))
  }

  #read(units: Uint16Array | Uint8Array, start: number, length: number): void {
    const end = start + length
    let count = 0
    let hash = BASIS
    let token = BASIS
    let part = BASIS
    let begin = start
    let variable = 0
    let separator = 0
    let afterVariable = 0
    for (let i = start; i <= end; i++) {
      // The end is a blank, too.
      let code = BLANK
      let kind = BLANKS
      for (; i < end; i++) {
        code = units[i]!
        kind = KINDS[code]!
        if (kind !== 0) break
        part = Math.imul(part ^ code, PRIME)
      }
      if (kind === DIGIT) {
        // Whatever else is in the part, it is a variable.
        variable = 1
        for (i++; i < end; i++) {
          code = units[i]!
          kind = KINDS[code]!
          if (kind > DIGIT) break
        }
      }
      if (i === end) {
        code = BLANK
        kind = BLANKS
      }
      const size = i - begin
      begin = i + 1
      if (kind === BLANKS && separator === 0) {
        if (size === 0) continue
        if (size === 3 && CALENDAR.has(packed(units[i - 3]!, units[i - 2]!, units[i - 1]!))) variable = 1
      }
      if ((variable & afterVariable) === 0) {
        token = Math.imul(token ^ separator, PRIME)
        token = Math.imul(token ^ (variable === 1 ? STAR : part), PRIME)
      }
      afterVariable = variable
      separator = code
      part = BASIS
      variable = 0
      if (kind !== BLANKS) continue
      token = mixed(token)
      hash = Math.imul(hash ^ token, PRIME)
      this.hashes[count++] = token
      if (count === TOKENS_MAX) break
      token = BASIS
      separator = 0
      afterVariable = 0
    }
    this.count = count
    this.hash = mixed(hash ^ count)
  }
}

const scratch = new MessageTokens()

/** A 32-bit hash of the masked message: its template, as long as nothing else is known about messages. */
export function templateId(message: string): number {
  scratch.read(message)
  return scratch.hash
}

/**
 * The template as people read it, cut; without what a jsonb column refuses: NUL, halves of surrogate pairs. `isVariable` tells of
 * further tokens, by their place, that are variables.
 */
export function templateText(
  message: string,
  lengthMax: number,
  isVariable: (token: number) => boolean = () => false,
): string {
  let at = 0
  const text = message.slice(0, LENGTH_MAX).replace(/[^\0-\x20]+/g, (token) => {
    const place = at++
    if (isVariable(place) || (token.length === 3 && isCalendar(token, 0))) return '*'
    return token.replace(/[^=:,;/()[\]{}"'<>|&?]+/g, (part) => (/\d/.test(part) ? '*' : part))
  })
  const cut = text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`
  return cut.toWellFormed().replace(/\p{Cc}/gu, ' ')
}

/** Whether the three characters at `at` are a weekday or a month, in any case. */
function isCalendar(text: string, at: number): boolean {
  return CALENDAR.has(packed(text.charCodeAt(at), text.charCodeAt(at + 1), text.charCodeAt(at + 2)))
}

/** Three letters of ASCII in any case, as 15 bits; 0 for others. */
function packed(a: number, b: number, c: number): number {
  const letters = (a & b & c & 64) !== 0 && (a | b | c) < 128
  return letters ? ((a & 31) << 10) | ((b & 31) << 5) | (c & 31) : 0
}

/** The finalizer of MurmurHash3: every bit of the input moves every bit of the output. */
function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b | 0)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35 | 0)
  return h ^ (h >>> 16)
}

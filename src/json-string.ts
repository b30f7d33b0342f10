/**
 * The text of a JSON string, decoded from the bytes in which it was sent: when somebody asks for it, and no further than that.
 *
 *   text   = *( scalar / escape )                        scalar: a code point in UTF-8, neither a control, '"' nor '\'
 *   escape = "\" ( '"' / "\" / "/" / b / f / n / r / t / u 4HEXDIG )
 *
 * All of it was scanned before (normalize/text-scan.ts): well-formed, no NUL, no half of a surrogate pair.
 */
const BACKSLASH = 0x5c
const UNICODE = 0x75
/** Bytes of an escape by code unit. */
const ESCAPE_BYTES = 6
const WORD_BYTES = 4

/** How a text lies there. */
export const FORM = { ascii: 0, utf8: 1, escaped: 2 } as const
export type Form = (typeof FORM)[keyof typeof FORM]

/** What stands behind a backslash, by its code; 0: nothing that may. */
export const ESCAPED = new Uint8Array(256)
for (const [letter, character] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'].map((pair) => [...pair])) {
  ESCAPED[letter?.charCodeAt(0) ?? 0] = character?.charCodeAt(0) ?? 0
}

/** Values of hexadecimal digits; 255: none. */
const HEX = new Uint8Array(256).fill(255)
for (const digits of ['0123456789abcdef', '0123456789ABCDEF']) {
  for (let value = 0; value < digits.length; value++) HEX[digits.charCodeAt(value)] = value
}

/** The code unit of four hexadecimal digits; negative where one is none. */
export function hexUnit(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) return -1
  const [a, b, c, d] = [HEX[bytes[at]!]!, HEX[bytes[at + 1]!]!, HEX[bytes[at + 2]!]!, HEX[bytes[at + 3]!]!]
  return (a | b | c | d) > 15 ? -1 : (a << 12) | (b << 8) | (c << 4) | d
}

/** The text at [start, end), which stands between quotes. */
export function stringAt(bytes: Buffer, start: number, end: number, form: Form): string {
  if (form === FORM.ascii) return bytes.toString('latin1', start, end)
  if (form === FORM.utf8) return bytes.toString('utf8', start, end)
  return String(JSON.parse(bytes.toString('utf8', start - 1, end + 1)))
}

/** The UTF-16 units of the text at [start, end), as many as there is room for. How many. */
export function readUnits(units: Uint16Array, bytes: Uint8Array, start: number, end: number): number {
  const room = units.length
  let count = 0
  let at = start
  while (at < end && count < room) {
    const byte = bytes[at++]!
    if (byte < 0x80 && byte !== BACKSLASH) {
      units[count++] = byte
      const stop = Math.min(end, at + room - count)
      for (; at < stop; at++) {
        const next = bytes[at]!
        if (next >= 0x80 || next === BACKSLASH) break
        units[count++] = next
      }
    } else if (byte === BACKSLASH) {
      const letter = bytes[at++]!
      if (letter === UNICODE) {
        units[count++] = hexUnit(bytes, at)
        at += 4
      } else units[count++] = ESCAPED[letter]!
    } else if (byte < 0xe0) units[count++] = ((byte & 0x1f) << 6) | (bytes[at++]! & 0x3f)
    else if (byte < 0xf0) {
      units[count++] = ((byte & 0xf) << 12) | ((bytes[at]! & 0x3f) << 6) | (bytes[at + 1]! & 0x3f)
      at += 2
    } else {
      const above = ((byte & 7) << 18) | ((bytes[at]! & 0x3f) << 12) | ((bytes[at + 1]! & 0x3f) << 6)
      const offset = (above | (bytes[at + 2]! & 0x3f)) - 0x10000
      at += 3
      units[count++] = 0xd800 | (offset >> 10)
      if (count < room) units[count++] = 0xdc00 | (offset & 0x3ff)
    }
  }
  return count
}

/** Decodes the text at [start, end) where it lies, to UTF-8, which is never longer. `view` is of the same bytes. Where it ends then. */
export function decodeInPlace(bytes: Buffer, view: DataView, start: number, end: number): number {
  const lastWord = end - WORD_BYTES
  let at = start
  let written = start
  for (;;) {
    // Four bytes at a time take half of what single ones do.
    let before = WORD_BYTES
    while (before === WORD_BYTES && at <= lastWord) {
      const word = view.getInt32(at, true)
      before = bytesBefore(word)
      if (before < WORD_BYTES) break
      view.setInt32(written, word, true)
      at += WORD_BYTES
      written += WORD_BYTES
    }
    for (const stop = Math.min(end, at + before); at < stop && bytes[at] !== BACKSLASH; at++)
      bytes[written++] = bytes[at]!
    if (at >= end) return written
    at++
    const letter = bytes[at++]!
    if (letter !== UNICODE) {
      bytes[written++] = ESCAPED[letter]!
      continue
    }
    let point = hexUnit(bytes, at)
    at += 4
    if ((point & 0xf800) === 0xd800) {
      point = 0x10000 + ((point & 0x3ff) << 10) + (hexUnit(bytes, at + 2) & 0x3ff)
      at += ESCAPE_BYTES
    }
    written = writePoint(bytes, written, point)
  }
}

/** How many of four bytes, the lowest first, come before a backslash (Warren, Hacker's Delight, 6-1). */
function bytesBefore(word: number): number {
  const zero = word ^ 0x5c5c5c5c
  const found = (zero - 0x01010101) & ~zero & 0x80808080
  return found === 0 ? WORD_BYTES : (31 - Math.clz32(found & -found)) >> 3
}

function writePoint(target: Buffer, to: number, point: number): number {
  let at = to
  if (point < 0x80) target[at++] = point
  else {
    if (point < 0x800) target[at++] = 0xc0 | (point >> 6)
    else {
      if (point < 0x10000) target[at++] = 0xe0 | (point >> 12)
      else {
        target[at++] = 0xf0 | (point >> 18)
        target[at++] = 0x80 | ((point >> 12) & 0x3f)
      }
      target[at++] = 0x80 | ((point >> 6) & 0x3f)
    }
    target[at++] = 0x80 | (point & 0x3f)
  }
  return at
}

/** What came from a stranger, made safe to look at: a terminal obeys control characters, and bidi marks turn text round. */

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu
const DUMP_BYTES = 16

/** Every character that a terminal may act upon, written as an escape; cut to so many characters. */
export function printable(text: string, lengthMax = Number.POSITIVE_INFINITY): string {
  const points = [...text.slice(0, Math.min(text.length, 2 * lengthMax + 2))]
  const cut = points.length > lengthMax
  const shown = (cut ? points.slice(0, Math.max(0, lengthMax - 1)) : points).join('')
  return shown.replace(UNSAFE, escapeOf) + (cut ? '…' : '')
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/** Text where the bytes are UTF-8, else hex; never more than `lengthMax` characters before escaping. */
export function preview(bytes: Buffer, lengthMax: number): string {
  if (bytes.length === 0) return '(empty)'
  const text = bytes.toString('utf8')
  // A cut may halve the last character: that alone does not make it binary.
  const broken = text.replace(/\ufffd{1,3}$/, '').includes('\ufffd')
  if (!broken) return printable(text, lengthMax)
  const shown = bytes.subarray(0, Math.max(1, lengthMax >> 1))
  return `0x${shown.toString('hex')}${shown.length < bytes.length ? '…' : ''}`
}

/** `00000010  7b 22 61 ...  |{"a...|`, as hexdump writes it. */
export function hexDump(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += DUMP_BYTES) {
    const line = bytes.subarray(at, at + DUMP_BYTES)
    const hex = [...line].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = [...line].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    text += `${at.toString(16).padStart(8, '0')}  ${hex.padEnd(DUMP_BYTES * 3 - 1)}  |${ascii}|\n`
  }
  return text
}

/** JSON of which nothing but ASCII letters of escapes reaches the terminal where a character could act. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' ? character : [...unitsOf(character)].join(''),
  )
}

function* unitsOf(character: string): Generator<string> {
  for (let i = 0; i < character.length; i++) yield `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
}

/** A number of things, as "1 row" or "3 rows". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

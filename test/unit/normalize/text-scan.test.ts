/** Texts that are left as they lie in the bytes, beside what JSON.parse and JSON.stringify make of them. */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { asciiEnd, ESCAPES_MAX, TextScan } from '../../../src/normalize/text-scan.ts'
import { FAULTLESS_PIECES, FAULTY_PIECES, jsonText } from '../../support/json-texts.ts'

const scan = new TextScan()
const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
const endOf = (bytes: Buffer, start: number): number => scan.endOf(bytes, viewOf(bytes), start)
const QUOTE = Buffer.from('"')

/** What the text says; null: not JSON, or it has to be changed to be stored. */
function parsed(text: Buffer): string | null {
  try {
    const value: unknown = isUtf8(text) ? JSON.parse(`"${text}"`) : null
    return typeof value === 'string' && value.isWellFormed() && !value.includes('\0') ? value : null
  } catch {
    return null
  }
}

function assertScanned(text: Buffer, before: Buffer, behind: Buffer): boolean {
  const bytes = Buffer.concat([before, text, QUOTE, behind])
  const expected = parsed(text)
  const end = endOf(bytes, before.length)
  // What ends elsewhere ends in a quote behind an escape.
  if (expected === null) assert.ok(end !== before.length + text.length, text.toString('hex'))
  else {
    assert.equal(end, before.length + text.length, text.toString('hex'))
    assert.equal(scan.escapes > 0, text.includes('\\'))
    assert.equal(scan.verbatim, JSON.stringify(expected) === `"${text}"`, text.toString())
  }
  return expected !== null
}

test('a text ends where JSON.parse ends it, is refused where it can not be stored as it is, and is verbatim where JSON.stringify gives it back', () => {
  let read = 0
  fc.assert(
    fc.property(
      jsonText,
      fc.constantFrom('', '{"a":"', 'é'),
      fc.constantFrom('', ',"b":"x"}', '\x80'),
      (text, a, b) => {
        if (assertScanned(text, Buffer.from(a), Buffer.from(b, 'latin1'))) read++
      },
    ),
    { numRuns: 10_000 },
  )
  assert.ok(read > 5_000, `${read}`)
})

test('each piece is told by itself, and with any other behind it', () => {
  const nothing = Buffer.alloc(0)
  for (const piece of [...FAULTLESS_PIECES, ...FAULTY_PIECES]) {
    for (const other of [...FAULTLESS_PIECES, ...FAULTY_PIECES])
      assertScanned(Buffer.concat([piece, other]), nothing, nothing)
  }
  for (const piece of FAULTLESS_PIECES) assert.ok(assertScanned(piece, nothing, nothing), piece.toString())
  for (const piece of FAULTY_PIECES) assert.equal(assertScanned(piece, nothing, nothing), false, piece.toString('hex'))
})

test('a text with many escapes is left to JSON.parse', () => {
  const escapes = (count: number): Buffer => Buffer.from(`${'a\\n'.repeat(count)}"`)
  assert.equal(endOf(escapes(ESCAPES_MAX), 0), 3 * ESCAPES_MAX)
  assert.equal(endOf(escapes(ESCAPES_MAX + 1), 0), -1)
})

test('in a long value a text with escapes is left to JSON.parse, one without is not', () => {
  scan.begin(8_193)
  assert.equal(endOf(Buffer.from('a\\n"'), 0), -1)
  assert.equal(endOf(Buffer.from('é"'), 0), 2)
  scan.begin(8_192)
  assert.equal(endOf(Buffer.from('a\\n"'), 0), 3)
})

test('a text that does not end is none', () => {
  for (const text of ['', 'é', 'a\\', 'a\\u12', 'a\\ud83d\\ude', '\\ud83d'])
    assert.equal(endOf(Buffer.from(text), 0), -1)
  const cut = Buffer.from('🚚')
  for (let bytes = 1; bytes < cut.length; bytes++) assert.equal(endOf(cut.subarray(0, bytes), 0), -1)
})

test('printable ASCII ends at anything else, wherever that stands', () => {
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
    for (const around of [' ', '~', '#', ']']) {
      for (let at = 0; at < 8; at++) {
        const bytes = Buffer.from(`\0${around.repeat(9)}"`)
        bytes[1 + at] = byte
        assert.equal(asciiEnd(bytes, viewOf(bytes), 1), isPrintable ? 10 : 1 + at, `${byte} at ${at} among ${around}`)
      }
    }
  }
  const endless = Buffer.alloc(11, 'x')
  for (let start = 0; start <= 11; start++) assert.equal(asciiEnd(endless, viewOf(endless), start), 11)
})

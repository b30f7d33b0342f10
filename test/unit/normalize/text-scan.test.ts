/** Texts that are left as they lie in the bytes, beside what JSON.parse and JSON.stringify make of them. */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { asciiEnd, TextScan } from '../../../src/normalize/text-scan.ts'
import { FAULTLESS_PIECES, FAULTY_PIECES, jsonText } from '../../support/json-texts.ts'

const scan = new TextScan()
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
  const end = scan.endOf(bytes, before.length)
  // What ends elsewhere ends in a quote behind an escape.
  if (expected === null) assert.ok(end !== before.length + text.length, text.toString('hex'))
  else {
    assert.equal(end, before.length + text.length, text.toString('hex'))
    assert.equal(scan.escaped, text.includes('\\'))
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

test('a text that does not end is none', () => {
  for (const text of ['', 'é', 'a\\', 'a\\u12', 'a\\ud83d\\ude', '\\ud83d'])
    assert.equal(scan.endOf(Buffer.from(text), 0), -1)
  const cut = Buffer.from('🚚')
  for (let bytes = 1; bytes < cut.length; bytes++) assert.equal(scan.endOf(cut.subarray(0, bytes), 0), -1)
})

test('printable ASCII ends at anything else, wherever that stands', () => {
  for (let length = 0; length < 12; length++) {
    for (const end of ['"', '\\', '\x1f', '\x7f', '\x80', '\xff']) {
      const bytes = Buffer.from(`?${' ~!#[]x'.repeat(2).slice(0, length)}${end}abc"`, 'latin1')
      assert.equal(asciiEnd(bytes, 1), length + 1, JSON.stringify(end))
    }
    assert.equal(asciiEnd(Buffer.alloc(length, 'x'), 0), length)
  }
})

/** Texts decoded from their bytes, beside JSON.parse of the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageTokens } from '../../src/anomaly/message-template.ts'
import { decodeInPlace, FORM, hexUnit, readUnits, stringAt } from '../../src/json-string.ts'
import { TextScan } from '../../src/normalize/text-scan.ts'
import { jsonText } from '../support/json-texts.ts'

const scan = new TextScan()
const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
const UNITS = 512

function assertDecoded(text: Buffer, before: number): boolean {
  const bytes = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from('"'), text, Buffer.from('","next":"\\u00ff"')])
  const start = before + 1
  const end = start + text.length
  if (scan.endOf(bytes, viewOf(bytes), start) !== end) return false
  const expected = String(JSON.parse(`"${text}"`))
  assert.equal(stringAt(bytes, start, end, scan.escapes > 0 ? FORM.escaped : FORM.utf8), expected)

  const units = new Uint16Array(UNITS).fill(0xeeee)
  const count = readUnits(units, bytes, start, end)
  assert.equal(count, Math.min(expected.length, UNITS))
  assert.deepEqual(
    [...units.subarray(0, count)],
    [...Array(count).keys()].map((i) => expected.charCodeAt(i)),
  )

  const [one, other] = [new MessageTokens(), new MessageTokens()]
  one.readJson(bytes, start, text.length)
  other.read(expected)
  assert.deepEqual([one.count, one.hash, one.hashes], [other.count, other.hash, other.hashes])

  const copy = Buffer.from(bytes)
  const written = decodeInPlace(copy, viewOf(copy), start, end)
  assert.ok(copy.subarray(start, written).equals(Buffer.from(expected)), text.toString())
  assert.ok(copy.subarray(0, start).equals(bytes.subarray(0, start)) && copy.subarray(end).equals(bytes.subarray(end)))
  return true
}

test('a text is decoded to the string, the first code units, the template and the UTF-8 that JSON.parse gives', () => {
  let decoded = 0
  fc.assert(
    fc.property(jsonText, fc.nat({ max: 9 }), (text, before) => {
      if (assertDecoded(text, before)) decoded++
    }),
    { numRuns: 10_000 },
  )
  assert.ok(decoded > 5_000, `${decoded}`)
})

test('a surrogate pair at the last place is cut in two, as it is in a string', () => {
  for (const pair of ['🚚', '\\ud83d\\ude9a']) {
    for (let length = UNITS - 3; length < UNITS + 2; length++)
      assertDecoded(Buffer.from(`${'x'.repeat(length)}${pair}y`), 0)
  }
})

test('four hexadecimal digits are a code unit, and anything else is none', () => {
  const unit = (text: string): number => hexUnit(Buffer.from(text), 0)
  fc.assert(
    fc.property(fc.nat({ max: 0xffff }), fc.boolean(), (value, upper) => {
      const text = value.toString(16).padStart(4, '0')
      assert.equal(unit(upper ? text.toUpperCase() : text), value)
    }),
  )
  for (const text of ['', '123', '12g4', '-123', '+123', ' 123', '0x12', '１２３４']) assert.ok(unit(text) < 0, text)
})

test('every code point that an escape may name is written as Node writes it', () => {
  for (let from = 0; from < 0x10000; from += 0x100) {
    const units = Array.from({ length: 0x100 }, (_, i) => from + i).filter((unit) => (unit & 0xf800) !== 0xd800)
    const bytes = Buffer.from(units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join(''))
    const end = decodeInPlace(bytes, viewOf(bytes), 0, bytes.length)
    assert.ok(bytes.subarray(0, end).equals(Buffer.from(String.fromCharCode(...units))), `from ${from}`)
  }
})

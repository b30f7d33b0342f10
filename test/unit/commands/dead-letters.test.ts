import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { filterOf, parsePosition } from '../../../src/commands/dead-letter-options.ts'
import { counted, hexDump, preview, printable, printableJson } from '../../../src/commands/printable.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const ACTS = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/

test('escape sequences, bidi marks and lone surrogates are shown, not obeyed', () => {
  assert.equal(printable('a\u001b[2Jb'), 'a\\x1b[2Jb')
  assert.equal(printable('\u202edrow'), '\\u{202e}drow')
  assert.equal(printable('x\ud800y'), 'x\\u{d800}y')
  assert.equal(printable('naïve 🚀 日本'), 'naïve 🚀 日本')
})

test('one thing is told in the singular, none and several are not', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'row')),
    ['0 rows', '1 row', '2 rows'],
  )
})

test('a long text is cut between characters', () => {
  assert.equal(printable('🚀🚀🚀🚀', 3), '🚀🚀…')
  assert.equal(printable('🚀🚀🚀', 3), '🚀🚀🚀')
})

test('nothing that a terminal acts upon gets through, whatever the bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array))
  const text = fc.string({ unit: 'binary', maxLength: 80 })
  const calm = (shown: string): boolean => !ACTS.test(shown.replace(/[\u{10000}-\u{10ffff}]/gu, ''))
  fc.assert(fc.property(bytes, (value) => calm(preview(value, 40)) && calm(hexDump(value).replaceAll('\n', ''))))
  fc.assert(fc.property(text, (value) => calm(printable(value)) && calm(printable(value, 20))))
})

test('JSON for machines reads back as it was, and is calm too', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (value) => {
      const shown = printableJson([value])
      assert.deepEqual(JSON.parse(shown), [value])
      assert.ok(!ACTS.test(shown.replace(/[\u{10000}-\u{10ffff}]/gu, '').replaceAll('\n', '')))
    }),
  )
})

test('bytes that are no text are shown as hex, a character halved by a cut is not', () => {
  assert.equal(preview(Buffer.from([0xff, 0xfe, 0x00]), 60), '0xfffe00')
  assert.equal(preview(Buffer.from('zażółć').subarray(0, 3), 60), 'za\ufffd')
  assert.equal(preview(Buffer.alloc(0), 60), '(empty)')
})

test('a dump has sixteen bytes a line, in hex and as ASCII', () => {
  assert.equal(
    hexDump(Buffer.from('{"a":1}\n0123456789')),
    '00000000  7b 22 61 22 3a 31 7d 0a 30 31 32 33 34 35 36 37  |{"a":1}.01234567|\n' +
      `00000010  38 39${' '.repeat(42)}  |89|\n`,
  )
})

test('a position is read as the list prints it', () => {
  assert.deepEqual(parsePosition('logs/3/42'), { topic: 'logs', partition: 3, offset: 42, item: undefined })
  assert.deepEqual(parsePosition('a.b-c/0/7/5'), { topic: 'a.b-c', partition: 0, offset: 7, item: 5 })
  for (const wrong of ['', 'logs', 'logs/1', 'logs/x/1', 'logs/1/-1', '/1/2', 'logs/1/2/3/4'])
    assert.throws(() => parsePosition(wrong), /expected topic\/partition\/offset/)
})

test('a reason or a status that there is none of is told with those that there are', () => {
  assert.throws(() => filterOf({ reason: 'bad_jason' }), /--reason bad_jason: expected one of bad_json, not_an_object/)
  assert.throws(() => filterOf({ status: 'gone' }), /--status gone: expected one of new, /)
  assert.equal(filterOf({ reason: 'bad_json' }).reason, 'bad_json')
})

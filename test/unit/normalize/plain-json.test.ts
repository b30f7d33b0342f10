import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PlainJson } from '../../../src/normalize/plain-json.ts'
import { TextScan } from '../../../src/normalize/text-scan.ts'

const json = new PlainJson(new TextScan())
const endOf = (text: string): number => {
  const bytes = Buffer.from(text)
  return json.endOf(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0)
}

const name = fc.stringMatching(/^[a-z_][a-z0-9. ]{0,3}$/)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.stringMatching(/^[ -~]{0,9}$/).filter((text) => !/["\\]/.test(text)),
    fc.integer(),
    fc.constantFrom(true, false, null, 0, 0.5, -12.25, 0.000001, 0.00000123, 123456789.25),
    fc.dictionary(name, tie('value'), { maxKeys: 5 }),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
}))

test('what JSON.stringify writes is read to its end, whatever follows', () => {
  fc.assert(
    fc.property(value, fc.constantFrom('', ',', '}', ']', ' x'), (each, behind) => {
      const text = JSON.stringify(each)
      assert.equal(endOf(text + behind), /e-/.test(text.replace(/"[^"]*"/g, '')) ? -1 : text.length, text)
    }),
    { numRuns: 5000 },
  )
})

test('what is read is what JSON.stringify makes of what JSON.parse reads', () => {
  const token = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      ' ',
      '"a":',
      '"b":',
      '"a"',
      '"7":',
      '"\\n"',
      '"\\\\ \\""',
      '"\\u001b"',
      '"\\u001B"',
      '"\\u000a"',
      '"\\u0041"',
      '"\\/"',
      '"\\ud83d\\ude00"',
      '"\\ud83d"',
      '"é 注🚚"',
      'true',
      'nul',
      'null',
      '1',
      '-',
    ],
    ...[
      '0',
      '-0',
      '01',
      '1.0',
      '0.5',
      '.5',
      '5.',
      '1e3',
      '0.5e3',
      '0.0000001',
      '0.1234567890123456',
      '1234567890123456',
    ],
  )
  let read = 0
  const alike = (text: string): void => {
    const end = endOf(text)
    if (end < 0) return
    const whole = Buffer.from(text).toString('utf8', 0, end)
    assert.equal(JSON.stringify(JSON.parse(whole)), whole, text)
    if (/[{[]./.test(whole)) read++
  }
  fc.assert(
    fc.property(fc.array(token, { maxLength: 9 }), value, fc.nat(), (tokens, each, at) => {
      alike(tokens.join(''))
      const text = JSON.stringify(each)
      const place = at % (text.length + 1)
      alike(text.slice(0, place) + tokens.slice(0, 1).join('') + text.slice(place + (at % 2)))
    }),
    { numRuns: 20_000 },
  )
  assert.ok(read > 1000, `${read}`)
})

test('a name that comes twice, a number as name, blanks and too deep a nesting are not for it', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":{"b":1,"c":2,"b":3}}',
    '{"7":1}',
    '{"a": 1}',
    '[1, 2]',
    '{"a":"\\u0061"}',
    '{"a"',
  ]) {
    assert.equal(endOf(text), -1, text)
  }
  // Each object has names of its own.
  for (const text of ['{"a":{"a":1},"b":{"a":2}}', '{"a":[{"a":1},{"a":1}]}'])
    assert.equal(endOf(text), text.length, text)
  assert.equal(endOf('['.repeat(8) + ']'.repeat(8)), 16)
  assert.equal(json.depth, 8)
  assert.equal(endOf('['.repeat(9) + ']'.repeat(9)), -1)
  assert.equal(endOf(`{${Array.from({ length: 65 }, (_, i) => `"n${i}":1`).join()}}`), -1)
})

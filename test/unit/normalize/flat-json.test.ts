/** The quick reader against JSON.parse: what it reads is the same, and it reads what SDKs send. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FIELD_ALIASES, Fields } from '../../../src/normalize/aliases.ts'
import { FlatJson } from '../../../src/normalize/flat-json.ts'
import { logJson } from '../../support/raw-records.ts'

const NAMES = ['service', 'level', 'message', 'latency_ms', 'timestamp', 'userId'] as const
const ALIASES: string[] = Object.values(FIELD_ALIASES).flat()
const fields = new Fields(65_536)
const flat = new FlatJson()

function contents(of: Fields): unknown {
  return { known: NAMES.map((name) => of.get(name)), extras: of.extras, extraCount: of.extraCount }
}

function isRead(value: Buffer): boolean {
  return flat.read(value, 0, value.length) && flat.fill(fields)
}

/** False where the reader gave up; fails where it read something else than JSON.parse. */
function readsAlike(text: string): boolean {
  const value = Buffer.from(text)
  if (value[0] !== 0x7b || !isRead(value)) return false
  const parsed: unknown = JSON.parse(text)
  assert.ok(typeof parsed === 'object' && parsed !== null)
  const whole = new Fields(65_536)
  whole.fill(parsed)
  assert.deepEqual(contents(fields), contents(whole), text)
  return true
}

const blank = fc.constantFrom('', '', '', ' ', '\n\t', '\r ')
const name = fc.oneof(
  fc.constantFrom(...ALIASES, '__proto__', '_coerced', 'orderId', 'ärger', '', '7', '1e3', 'service ', 'Service'),
  fc.string({ maxLength: 8 }),
)
const scalar = fc.oneof(
  fc.string({ maxLength: 12 }).map((each) => JSON.stringify(each)),
  fc.constantFrom(
    '"INFO"',
    '"auth"',
    '"a\\tb"',
    '"\u0001"',
    '"é"',
    '"Größe 注文 🚚"',
    '"a\\u00e9\\/\\b\\f\\n\\r\\\\\\""',
    '"\\uD83D\\uDE00"',
    '"\\ud800"',
    '"\\ude00\\ud83d"',
    '"\\u0000"',
    '"\\u00g0"',
    '"\\x"',
    '"2025-01-01T00:00:00Z"',
    'true',
    'false',
    'null',
    'nul',
  ),
  fc.constantFrom(
    '0',
    '-0',
    '-',
    '01',
    '1.',
    '.5',
    '1.50',
    '-12.25',
    '1e3',
    '1E3',
    '123456789012345',
    '1234567890123456',
    '1.2.3',
    '+1',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
  fc.constantFrom('{}', '[1]', '', 'x'),
)
const member = fc.tuple(blank, name, blank, blank, scalar, blank)
const separator = fc.constantFrom(',', ',', ',', ',', ';', '', ',,')
const object = fc
  .tuple(fc.array(fc.tuple(member, separator), { maxLength: 9 }), fc.constantFrom('}', '}', '}', '} ', '}}', '', '}\0'))
  .map(([members, end]) => {
    const parts = members.map(([[a, key, b, c, value, d], comma], i) => {
      const glue = i === members.length - 1 ? '' : comma
      return `${a}${JSON.stringify(key)}${b}:${c}${value}${d}${glue}`
    })
    return `{${parts.join('')}${end}`
  })

test('what the quick reader reads is what JSON.parse reads', () => {
  let read = 0
  fc.assert(
    fc.property(object, (text) => {
      if (readsAlike(text)) read++
    }),
    { numRuns: 20_000 },
  )
  assert.ok(read > 1000, `only ${read} of 20,000 were read at all`)
})

test('it reads the logs of SDKs, whatever their names and order, with plain fields beside', () => {
  const texts = [
    logJson(),
    logJson({ latency_ms: undefined, userId: 'u-1' }),
    logJson({ orderId: 17, retry: false, region: null, cost: -12.25 }),
    '{ "ts" : 1735689600.25, "msg":"hello world", "severity":"warn", "app":"cart", "durationMs":0.5 }',
    '{}',
    '{"service":"a","level":"INFO","message":"","timestamp":"2025-01-01T00:00:00Z"}\n',
    '{"message":"line\\nbreak \\"quoted\\" C:\\\\x \\/ \\u00e9\\ud83d\\ude9a"}',
    '{"service":"склад","message":"grüße 注文 🚚\u007f","path":"\\/x"}',
  ]
  for (const text of [...texts, ...texts.reverse()]) assert.ok(readsAlike(text), text)
})

test('it leaves to JSON.parse what it is not made for', () => {
  const texts = [
    '{"message":"half \\ud83d of it"}',
    '{"message":"\\ud83d\\u0041"}',
    '{"message":"\\udc00"}',
    '{"message":"nul \\u0000"}',
    '{"message":"\\u12"}',
    '{"message":"\\x"}',
    '{"message":"line\nbreak"}',
    '{"grüße":1}',
    '{"a\\nb":1}',
    '{"message":{"nested":1}}',
    '{"service":"a","service":"b"}',
    '{"x":1,"x":2}',
    '{"b":1,"1":2}',
    '{"latency_ms":1e3}',
    '{"latency_ms":12345678901234567890}',
    '{"service":"a"}{"service":"b"}',
    '{"service":"a"',
    '{"service":"a",}',
    '{"service" "a"}',
  ]
  for (const text of texts) assert.equal(isRead(Buffer.from(text)), false, text)
})

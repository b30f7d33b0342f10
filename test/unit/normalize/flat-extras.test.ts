/** Fields that nobody asked for, as they lie in the bytes: the same metadata that is made of them when they are read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LogEvent } from '../../../src/log.ts'
import { LogPool, PooledLog } from '../../../src/log-pool.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { normalized, RECORD_TIME, rangeOf, rawRecord } from '../../support/raw-records.ts'

const limits = { ...DEFAULT_NORMALIZE_LIMITS, metadataBytesMax: 120, depthMax: 4 }
const pool = new LogPool()
const withPool = createNormalizer(limits, () => RECORD_TIME, pool)

/** The log of a text that is one object, read by the flat reader, from a pool if it is a usual one. */
function pooled(text: string): LogEvent | undefined {
  const { events } = withPool(rangeOf([rawRecord(text)]))
  return events[0]
}

/** The same of an array, which the flat reader leaves alone. */
function parsed(text: string): LogEvent | undefined {
  const { events } = normalized(`[${text}]`, { limits: { ...limits, depthMax: limits.depthMax + 1 } })
  return events[0]
}

function assertAlike(text: string): boolean {
  const [log, expected] = [pooled(text), parsed(text)]
  assert.equal(log?.metadata, expected?.metadata, text)
  assert.equal(log?.message, expected?.message, text)
  const isPooled = log instanceof PooledLog
  if (log !== undefined) pool.release([{ event: log, score: 0, isAnomaly: false, source: 'model', explanation: null }])
  return isPooled && expected?.metadata !== null
}

const blank = fc.constantFrom('', '', '', ' ')
const known = fc.constantFrom('"level":"WARN"', '"userId":"u-1"', '"latency_ms":2.5', '"time":"2025-12-31T00:00:00Z"')
const name = fc.oneof(
  { weight: 9, arbitrary: fc.stringMatching(/^[a-z]{1,4}$/) },
  { weight: 1, arbitrary: fc.constantFrom('host', '__proto__', '_coerced', '_original', '7up', '', 'a b', 'é') },
)
const spelled = fc.constantFrom(
  ...['0', '-0', '0.0', '-0.0', '1.50', '1.0', '0.1', '-12.25', '100', '0.000001', '0.0000001', '0.00000123', '1e3'],
  ...['123456789012345', '123456789012345.5', '1234567890123456', '0.123456789012345', '0.1234567890123456'],
)
const text = fc.stringMatching(/^[ -~]{0,40}$/).map((each) => JSON.stringify(each))
const value = fc.oneof(
  spelled,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
  text,
  fc.jsonValue({ maxDepth: 3 }).map((each) => JSON.stringify(each)),
  fc.constantFrom('{"a":{"b":[1,2.5,"x"]},"c":null}', '{"a":{"b":{"c":{}}}}', '{"a":1.0}', '{"a": 1}', '{"a":1,"a":2}'),
  fc.constantFrom('true', 'false', 'null', '{}', '[1,2]', '"a:"', '"é"'),
)
const extra = fc
  .tuple(name, blank, blank, value, blank)
  .map(([n, a, b, v, c]) => `${JSON.stringify(n)}${a}:${b}${v}${c}`)
const usual = '"service":"cart","message":"paid 17"'
const log = fc
  .tuple(
    fc.array(fc.oneof({ weight: 1, arbitrary: known }, { weight: 3, arbitrary: extra }), { maxLength: 9 }),
    fc.nat(),
  )
  .map(([members, at]) => {
    const place = at % (members.length + 1)
    return `{"severity":"info",${[...members.slice(0, place), usual, ...members.slice(place)].join(',')}}`
  })

test('metadata as it lies there is the metadata that is made of what was read', () => {
  let asItLies = 0
  fc.assert(
    fc.property(log, (each) => {
      if (assertAlike(each)) asItLies++
    }),
    { numRuns: 20_000 },
  )
  assert.ok(asItLies > 1000, `only ${asItLies} of 20,000`)
})

test('the extra fields of usual logs are left where they lie', () => {
  for (const extras of [
    '"trace_id":"4bf92f35","host":"node-7","status":200,"retry":false,"region":null,"ratio":0.25',
    '"trace_id": "4bf92f35", "status": 200',
    '"_coerced":"x","_original":1',
    '"http":{"status":200,"headers":["a","b"]},"trace_id": {"high":"4bf9"}',
  ]) {
    assert.ok(assertAlike(`{"level":"INFO",${usual},${extras}}`), extras)
    assert.ok(assertAlike(`{${extras},"level":"INFO",${usual}}`), extras)
  }
})

test('a number spelled otherwise, a name that comes twice and too large metadata are not', () => {
  for (const extras of [
    '"a":1.0',
    '"a":-0',
    '"a":0.0000001',
    '"a":1,"b":2,"a":3',
    `"a":"${'x'.repeat(113)}"`,
    '"a" :1',
    '"a":{"b": 1}',
    '"a":{"b":1,"b":2}',
    Array.from({ length: 17 }, (_, i) => `"n${i}":1`).join(),
  ]) {
    assert.equal(assertAlike(`{"level":"INFO",${usual},${extras}}`), false, extras)
  }
  assert.ok(assertAlike(`{"level":"INFO",${usual},"a":"${'x'.repeat(112)}"}`))
})

test('a log used again has nothing of the metadata that it had', () => {
  const first = pooled(`{"level":"INFO",${usual},"host":"a-7"}`)
  assert.ok(first instanceof PooledLog)
  assert.equal(first.metadata, '{"host":"a-7"}')
  pool.release([{ event: first, score: 0, isAnomaly: false, source: 'model', explanation: null }])
  const second = pooled(`{"level":"INFO",${usual}}`)
  assert.equal(second, first)
  assert.equal(second?.metadata, null)
})

/** What holds for any bytes and any JSON. A failure prints its seed and path, which fc.assert takes again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { epochMs, type LogEvent, type RawRecord } from '../../../src/log.ts'
import { FIELD_ALIASES } from '../../../src/normalize/aliases.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { logJson, normalized, RECORD_TIME, rangeOf, rawRecord } from '../../support/raw-records.ts'

const ALIASES: string[] = Object.values(FIELD_ALIASES).flat()
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each))
const fieldName = fc.oneof(fc.constantFrom(...ALIASES, '__proto__', '_coerced', '_original', '_truncated'), fc.string())
const fieldValue = fc.oneof(
  fc.jsonValue({ noUnicodeString: false }),
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.integer({ min: -10, max: 2 ** 40 }),
  fc.constantFrom('INFO', 'warn', '2025-01-01T00:00:00.123456Z', '2025-01-01 00:00', '1e400', '12', '\ud800', 'a\0'),
)
const logValue = fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 12 }).map((pairs) => Object.fromEntries(pairs))
const logText = logValue.map((log) => JSON.stringify(log))
const mutated = fc.tuple(logText, fc.nat(), bytes).map(([text, at, noise]) => {
  const whole = Buffer.from(text)
  const cut = at % (whole.length + 1)
  return Buffer.concat([whole.subarray(0, cut), noise.subarray(0, 3), whole.subarray(cut + (at % 3))])
})
const anyValue = fc.oneof(
  bytes,
  logText.map((text) => Buffer.from(text)),
  mutated,
  fc.array(fc.oneof(logValue, fc.jsonValue()), { maxLength: 5 }).map((logs) => Buffer.from(JSON.stringify(logs))),
  fc.json().map((text) => Buffer.from(text)),
)

function assertStorable(event: LogEvent): void {
  for (const text of [event.service, event.message, event.userId, event.metadata]) {
    assert.ok(text === null || (text.isWellFormed() && !text.includes('\0')))
  }
  if (event.metadata !== null) {
    const parsed: unknown = JSON.parse(event.metadata)
    assert.ok(typeof parsed === 'object' && parsed !== null)
    assert.doesNotMatch(event.metadata.replaceAll('\\\\', ''), /\\u0000|\\ud[89a-f]/i)
    assert.ok(Buffer.byteLength(event.metadata) <= DEFAULT_NORMALIZE_LIMITS.metadataBytesMax + 16_384)
  }
  assert.notEqual(event.service, '')
  assert.ok([...event.service].length <= DEFAULT_NORMALIZE_LIMITS.serviceLengthMax)
  assert.ok(Buffer.byteLength(event.message) <= DEFAULT_NORMALIZE_LIMITS.textBytesMax)
  const latency = event.latencyMs
  assert.ok(latency === null || (latency >= 0 && latency <= 2_147_483_647 && !Object.is(latency, -0)))
  assert.ok(event.createdAt > 0 && event.createdAt <= RECORD_TIME + 3_600_000)
}

test('any bytes have an outcome that the database takes, and never an exception', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const { events, rejects, skips } = normalized(value)
      const whole = rejects.filter(({ item }) => item === -1).length + (skips.empty ?? 0) + (skips.tombstone ?? 0)
      assert.ok(whole <= 1)
      assert.ok(whole === 1 ? events.length === 0 && rejects.length <= 1 : events.length + rejects.length > 0)
      const items = [...events, ...rejects].map(({ item }) => item)
      assert.equal(new Set(items).size, items.length)
      for (const event of events) assertStorable(event)
    }),
    { numRuns: 3000 },
  )
})

function serialized(event: LogEvent): string {
  const metadata: Record<string, unknown> = event.metadata === null ? {} : JSON.parse(event.metadata)
  const extras = Object.entries(metadata).filter(([name]) => !ALIASES.includes(name) && !name.startsWith('_'))
  const timestamp = Math.round(event.createdAt * 1000)
  const { service, level, message, latencyMs, userId } = event
  const at = timestamp > 1e14 ? timestamp : event.createdAt / 1000
  const own = { service, level, message, latency_ms: latencyMs, timestamp: at, userId }
  return `{${[...Object.entries(own), ...extras].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)}}`
}

const withoutFlags = (event: LogEvent): unknown => {
  const metadata: Record<string, unknown> = event.metadata === null ? {} : JSON.parse(event.metadata)
  const extras = Object.entries(metadata).filter(([name]) => !ALIASES.includes(name) && !name.startsWith('_'))
  return { ...event, metadata: extras, createdAt: Math.round(event.createdAt * 1000) }
}

test('a normalized log sent again normalizes to itself, flags aside', () => {
  fc.assert(
    fc.property(logText, (text) => {
      const [event] = normalized(text).events
      assert.ok(event !== undefined)
      const [again] = normalized(serialized(event)).events
      assert.ok(again !== undefined)
      assert.deepEqual(withoutFlags(again), withoutFlags(event))
    }),
    { numRuns: 2000 },
  )
})

test('where batches are cut makes no difference', () => {
  const records = fc
    .array(anyValue, { maxLength: 20 })
    .map((values) => values.map((value, offset) => rawRecord(value, { offset })))
  fc.assert(
    fc.property(records, fc.nat(), (all, at) => {
      const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => RECORD_TIME)
      const outcomes = (part: readonly RawRecord[]) => normalize(rangeOf(part))
      const cut = all.length === 0 ? 0 : at % all.length
      const [left, right, whole] = [outcomes(all.slice(0, cut)), outcomes(all.slice(cut)), outcomes(all)]
      assert.deepEqual([...left.events, ...right.events], whole.events)
      assert.deepEqual([...left.rejects, ...right.rejects], whole.rejects)
    }),
    { numRuns: 300 },
  )
})

test('processing time is not asked for while the records have believable times', () => {
  let asked = 0
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => {
    asked++
    return RECORD_TIME
  })
  const records = Array.from({ length: 100 }, (_, offset) =>
    rawRecord(logJson(), { offset, timestamp: epochMs(RECORD_TIME) }),
  )
  normalize(rangeOf(records))
  normalize(rangeOf(records))
  assert.equal(asked, 1)
})

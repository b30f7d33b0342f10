/** What holds for any bytes and any JSON. A failure prints its seed and path, which fc.assert takes again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { epochMs, type LogEvent, type RawRecord, type Reject } from '../../../src/log.ts'
import { LogPool } from '../../../src/log-pool.ts'
import { FIELD_ALIASES } from '../../../src/normalize/aliases.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { PackedRecords } from '../../../src/packed-records.ts'
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

/** Logs as SDKs send them, some with a flaw. */
const usualLog = fc
  .tuple(
    fc.constantFrom('service', 'app', 'service_name'),
    fc.constantFrom('auth', 'cart', 'a b', '', 'x'.repeat(201), 7, null, 'ä'),
    fc.constantFrom('INFO', 'warn', 'ERROR', 'odd', 30, null, '7'),
    fc.oneof(fc.constantFrom('', 'order 17 served', 'say \\ "x"', 'x'.repeat(30_000), null, 5), fc.string()),
    fc.constantFrom(0, -0, 12, 12.5, -1, 2 ** 31, null, '12', true),
    fc.constantFrom(
      '2026-01-01T00:00:00Z',
      '2026-01-01T00:00:00.123Z',
      '2024-02-29T23:59:59.999Z',
      '2026-02-29T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2025-12-31T23:59:60Z',
      '2025-12-31 23:59:00',
      '2025-12-31T23:59:00.5Z',
      '1969-12-31T23:59:59Z',
      '2027-01-01T00:00:00Z',
      '0000-01-01T00:00:00Z',
      1_767_225_600,
      null,
    ),
    fc.constantFrom('u-1', 'u 1', '', 'u'.repeat(201), 7, null, false),
    fc.constantFrom({}, {}, {}, { orderId: 7 }, { msg: 'another' }, { uid: 'u-2' }, { time: null }),
    fc.constantFrom('', '', '', 'service', 'level', 'message', 'latency_ms', 'timestamp', 'userId'),
  )
  .map(([name, service, level, message, latency_ms, timestamp, userId, more, left]) => {
    const log = { [name]: service, level, message, latency_ms, timestamp, userId, ...more }
    return JSON.stringify(Object.fromEntries(Object.entries(log).filter(([each]) => each !== left)))
  })
const usualText = fc.oneof(
  usualLog,
  usualLog.map((text) => text.replace('{', '{"message":null,')),
  usualLog.map((text) => `${text.slice(0, -1)},"message":null}`),
  usualLog.map((text) => `${text.slice(0, -1)},"level":"ERROR"}`),
)

test('the short way for usual logs gives what the general one gives', () => {
  fc.assert(
    fc.property(usualText, fc.constantFrom(RECORD_TIME, -1), (text, time) => {
      const record = { timestamp: epochMs(time) }
      // A value that begins with a blank is not taken for flat.
      assert.deepEqual(normalized(text, { record }), normalized(` ${text}`, { record }))
    }),
    { numRuns: 10_000 },
  )
})

test('a log from a pool says what any other says', () => {
  const pool = new LogPool()
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => RECORD_TIME + 86_400_000, pool)
  fc.assert(
    fc.property(
      fc.oneof(
        usualText.map((text) => Buffer.from(text)),
        anyValue,
      ),
      (value) => {
        const { events, ...rest } = normalize(rangeOf([rawRecord(value)]))
        const { events: alone, ...others } = normalized(value)
        assert.deepEqual(rest, others)
        assert.equal(events.length, alone.length)
        alone.forEach((event, at) => {
          for (const name of Object.keys(event) as (keyof LogEvent)[])
            assert.deepEqual(events[at]?.[name], event[name], name)
        })
      },
    ),
    { numRuns: 10_000 },
  )
})

test('a record is the same among others in shared bytes as by itself', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        usualText.map((text) => Buffer.from(text)),
        anyValue,
      ),
      bytes,
      bytes,
      (value, before, after) => {
        const parts = {
          keyAt: 0,
          keyBytes: -1,
          valueAt: before.length,
          valueBytes: value.length,
          headersAt: before.length,
          headersBytes: -1,
        }
        const shared = Buffer.concat([before, value, after])
        const records = new PackedRecords()
        records.begin(shared, 2)
        records.push(0, epochMs(RECORD_TIME), parts)
        const packed = records.at(0)
        assert.deepEqual([packed?.key, packed?.value, packed?.headers], [null, value, null])
        const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => RECORD_TIME + 86_400_000)
        const { events, rejects, skips } = normalize({ ...rangeOf([]), records })
        const alone = normalized(value)
        assert.deepEqual([events, skips], [alone.events, alone.skips])
        const without = (each: readonly Reject[]) => each.map(({ record: _, ...rest }) => rest)
        assert.deepEqual(without(rejects), without(alone.rejects))
      },
    ),
    { numRuns: 5000 },
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

test('what was read before makes no difference', () => {
  const records = fc
    .array(anyValue, { minLength: 1, maxLength: 10 })
    .map((values) => values.map((value, offset) => rawRecord(value, { offset })))
  const worn = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => RECORD_TIME)
  fc.assert(
    fc.property(records, (all) => {
      const fresh = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => RECORD_TIME)
      assert.deepEqual(worn(rangeOf(all)), fresh(rangeOf(all)))
    }),
    { numRuns: 500 },
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

/** Logs whose texts have escapes or are in other alphabets, read the short way: the rows that the general way gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LogEvent } from '../../../src/log.ts'
import { LogPool, PooledLog } from '../../../src/log-pool.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { BinaryRows } from '../../../src/postgres/binary-rows.ts'
import { standardRow } from '../../../src/postgres/standard-row.ts'
import { jsonText } from '../../support/json-texts.ts'
import { normalized, RECORD_TIME, rangeOf, rawRecord } from '../../support/raw-records.ts'

/** A log with a text of any kind in the place of one of its fields, or in one that nobody asked for. */
const PLACE = '<>'
const withText = fc
  .tuple(
    jsonText,
    fc.constantFrom('message', 'message', 'service', 'level', 'userId', 'timestamp', 'stack'),
    fc.boolean(),
  )
  .map(([text, name, nested]) => {
    const timestamp = '2025-12-31T23:59:59Z'
    const usual = { service: 'auth', level: 'INFO', message: 'in', timestamp, userId: 'u-1' }
    const value = nested && name === 'stack' ? { of: [PLACE, 1] } : PLACE
    const [before, behind] = JSON.stringify({ ...usual, [name]: value, line: 7 }).split(PLACE)
    return Buffer.concat([Buffer.from(before ?? ''), text, Buffer.from(behind ?? '')])
  })
const BLANK = Buffer.from(' ')

test('texts with escapes and in other alphabets give what the general way gives, up to every limit', () => {
  const pool = new LogPool()
  const write = standardRow(1)
  const row = (event: LogEvent | undefined): Buffer => {
    const rows = new BinaryRows(1 << 16)
    rows.start(1 << 16)
    if (event !== undefined) write(rows, { event, score: 0.5, isAnomaly: false, source: 'rules', explanation: null })
    return Buffer.from(rows.finish())
  }
  let short = 0
  const limit = fc.constantFrom(64, 65, 66, 67, 68, 100, 300, 65_536)
  fc.assert(
    fc.property(withText, limit, limit, (value, textBytesMax, metadataBytesMax) => {
      const limits = { ...DEFAULT_NORMALIZE_LIMITS, textBytesMax, metadataBytesMax, serviceLengthMax: 20 }
      const normalize = createNormalizer(limits, () => RECORD_TIME, pool)
      const outcome = (bytes: Buffer) => normalized(bytes, { limits })
      // A value that begins with a blank is not taken for flat.
      const general = outcome(Buffer.concat([BLANK, value]))
      const { events } = outcome(value)
      assert.deepEqual(events, general.events)
      const { events: pooled } = normalize(rangeOf([rawRecord(value)]))
      assert.ok(row(pooled[0]).equals(row(general.events[0])), value.toString())
      assert.equal(pooled[0]?.message, general.events[0]?.message)
      if (pooled[0] instanceof PooledLog) short++
    }),
    { numRuns: 10_000 },
  )
  assert.ok(short > 1_000, `only ${short} of 10,000`)
})

test('a message of just as many bytes as are stored is stored whole, one of more is cut', () => {
  for (const unit of ['x', 'é', '注', '🚚', '\\n', '\\u00e9']) {
    for (let bytes = 60; bytes <= 70; bytes++) {
      const text = unit.repeat(9) + 'x'.repeat(bytes - Buffer.byteLength(String(JSON.parse(`"${unit.repeat(9)}"`))))
      const value = `{"service":"auth","level":"INFO","message":"${text}"}`
      const outcome = (each: string) => normalized(each, { limits: { textBytesMax: 64 } })
      const { events } = outcome(value)
      assert.deepEqual(events, outcome(` ${value}`).events)
      assert.equal(events[0]?.metadata, bytes > 64 ? '{"_coerced":["message"]}' : null, text)
    }
  }
})

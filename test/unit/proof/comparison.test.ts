/** The checker must find each kind of harm, and none where there is none: a proof is worth what its checker is. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { epochMs, type LogEvent, type RawRecord } from '../../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { roundHalfEven } from '../../../src/postgres/round-half-even.ts'
import { Comparison, type Expected, type StoredLetter, type StoredRow } from '../../../src/proof/comparison.ts'
import { proofMessage } from '../../../src/proof/messages.ts'
import { MINUTE, readyRange } from '../../support/ready-ranges.ts'

const records = Array.from({ length: 3000 }, (_, offset): RawRecord => {
  const { key, value } = proofMessage(5, offset)
  return { offset, timestamp: epochMs(MINUTE + offset), key, value, headers: null }
})
const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => MINUTE)
const { events, rejects, skips } = normalize(readyRange({ from: 0, count: 3000 }, { range: { records } }).range)
const judged = { score: 0.5, isAnomaly: false, source: 'model', explanation: null } as const
const expected: Expected = { logs: events.map((event) => ({ event, ...judged })), rejects, skips }

function rowOf(event: LogEvent): StoredRow {
  return {
    offset: event.offset,
    item: event.item,
    service: event.service,
    level: event.level,
    message: event.message.replaceAll('\u0000', '\ufffd'),
    latencyMs: event.latencyMs === null ? null : roundHalfEven(event.latencyMs),
    createdAtUs: String(Math.round(event.createdAt * 1000)),
    userId: event.userId,
    metadata: event.metadata === null ? null : JSON.parse(event.metadata),
    score: 0.5,
    isAnomaly: false,
    scoreSource: 'model',
    ageMs: 20,
  }
}
const rows = events.map(rowOf)
const letters = rejects.map(
  ({ offset, item, reason, record }): StoredLetter => ({
    offset,
    item,
    reason,
    valueSha256: createHash('sha256')
      .update(record.value ?? '')
      .digest('hex'),
  }),
)

function compare(stored: readonly StoredRow[], dead: readonly StoredLetter[] = letters): Comparison {
  const comparison = new Comparison({ lateAfterMs: 9_000, round: roundHalfEven })
  comparison.add(1, expected, stored, dead)
  return comparison
}
const changed = (at: number, change: Partial<StoredRow>): StoredRow[] =>
  rows.map((row, index) => (index === at ? { ...row, ...change } : row))

describe('a comparison', () => {
  test('of tables that hold what the topic makes finds nothing', () => {
    const { counts, examples, rowsExpected, lettersExpected, skipped } = compare(rows)
    assert.deepEqual(counts, { lost: 0, duplicated: 0, altered: 0, unexpected: 0 })
    assert.deepEqual(examples, [])
    assert.ok(rowsExpected > 2900 && lettersExpected > 20 && skipped > 5, 'every kind of message is among them')
  })

  test('finds each row that is missing, doubled, or nobody sent', () => {
    assert.equal(compare(rows.filter((_, at) => at % 1000 !== 7)).counts.lost, Math.ceil((rows.length - 7) / 1000))
    assert.deepEqual(compare([...rows, ...rows.slice(5, 8)]).counts, {
      lost: 0,
      duplicated: 3,
      altered: 0,
      unexpected: 0,
    })
    const strange = changed(3, { offset: 1e6 })
    assert.deepEqual(compare(strange).counts, { lost: 1, duplicated: 0, altered: 0, unexpected: 1 })
  })

  test('finds a change in any field', () => {
    const row = rows[9]
    assert.ok(row !== undefined)
    const changes: Partial<StoredRow>[] = [
      { service: `${row.service} ` },
      { level: 'DEBUGGED' },
      { message: '' },
      { latencyMs: (row.latencyMs ?? 0) + 1 },
      { createdAtUs: String(BigInt(row.createdAtUs) + 1n) },
      { userId: 'somebody' },
      { metadata: { ...(row.metadata as object), id: -1 } },
      { score: 0.5000001 },
      { isAnomaly: true },
      { scoreSource: 'rules' },
    ]
    for (const change of changes) assert.equal(compare(changed(9, change)).counts.altered, 1, JSON.stringify(change))
  })

  test('finds dead letters that are missing, doubled or of another value', () => {
    assert.equal(compare(rows, letters.slice(1)).counts.lost, 1)
    assert.equal(compare(rows, [...letters, ...letters.slice(0, 1)]).counts.duplicated, 1)
    const other = letters.map((letter, at) => (at === 0 ? { ...letter, valueSha256: 'ff' } : letter))
    assert.equal(compare(rows, other).counts.altered, 1)
  })

  test('counts late rows, and keeps ten examples of each finding', () => {
    const late = compare(changed(0, { ageMs: 9_001 }))
    assert.deepEqual([late.late, late.ageMsMax, late.counts.altered], [1, 9_001, 0])
    assert.equal(compare([]).examples.filter(({ finding }) => finding === 'lost').length, 10)
  })
})

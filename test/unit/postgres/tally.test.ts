import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tally } from '../../../src/postgres/tally.ts'
import { logAt, readyRange, rejectAt } from '../../support/ready-ranges.ts'

test('every offset of a range is counted once, as what became of it', () => {
  const ready = readyRange(
    { from: 100, count: 10 },
    {
      // 100 two rows; 101 a row and a refused element; 102 two refused elements; 103 dead; 104-105 skipped; 106 a hole; 107-109 lost
      logs: [logAt(100), logAt(100, { item: 1 }), logAt(101)],
      rejects: [rejectAt(101, { item: 1 }), rejectAt(102, { item: 0 }), rejectAt(102, { item: 1 }), rejectAt(103)],
      skips: { tombstone: 1, empty: 1 },
      range: { holes: 1, gap: { from: 107, to: 110, reason: 'retention' } },
    },
  )
  const counts = tally(ready)
  assert.deepEqual(counts, { records: 2, dead: 2, deadItems: 1, skipped: 2, holes: 1, gaps: 3, rows: 3 })
  assert.equal(
    counts.records + counts.dead + counts.skipped + counts.holes + counts.gaps,
    ready.range.to - ready.range.from,
  )
})

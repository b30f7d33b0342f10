import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryRows } from '../../../src/postgres/binary-rows.ts'
import { logRows, type RowsToWrite } from '../../../src/postgres/log-rows.ts'
import { standardRow } from '../../../src/postgres/standard-row.ts'
import { logAt } from '../../support/ready-ranges.ts'

const MEMORY = 1 << 20
const rangeOf = (count: number, from: number) => ({ logs: Array.from({ length: count }, (_, i) => logAt(from + i)) })

/** The same rows, one after the other. */
function whole({ ranges, fields, write, ids }: RowsToWrite): Buffer {
  const rows = new BinaryRows(MEMORY)
  rows.start(MEMORY)
  ranges
    .flatMap(({ logs }) => logs)
    .forEach((log, at) => {
      rows.row(ids === null ? fields : fields + 1)
      if (ids !== null) rows.int8(ids[at] ?? 0)
      write(rows, log)
    })
  return rows.finish()
}

for (const ids of [null, Array.from({ length: 5_000 }, (_, i) => 7 + 3 * i)]) {
  test(`pieces of many rows, whatever the ranges, are one file ${ids === null ? 'without' : 'with'} ids`, () => {
    const ranges = [
      rangeOf(0, 0),
      rangeOf(1, 0),
      rangeOf(1_998, 1),
      rangeOf(0, 0),
      rangeOf(2, 1_999),
      rangeOf(999, 2_001),
    ]
    const of = { ranges, fields: 15, write: standardRow(1), ids }
    // The memory grows while pieces of it are under way.
    const pieces = [...logRows(new BinaryRows(64), MEMORY, of)]
    assert.equal(pieces.length, 3)
    assert.ok(Buffer.concat(pieces).equals(whole(of)))
  })
}

test('a piece is made when it is asked for', () => {
  let written = 0
  const usual = standardRow(1)
  const write: typeof usual = (rows, log) => {
    written++
    usual(rows, log)
  }
  const pieces = logRows(new BinaryRows(64), MEMORY, { ranges: [rangeOf(2_500, 0)], fields: 15, write, ids: null })
  assert.equal(written, 0)
  pieces.next()
  assert.equal(written, 1_000)
})

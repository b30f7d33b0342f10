import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PartitionBuffer } from '../../../src/kafka/partition-buffer.ts'
import { epochMs, type RawRecord } from '../../../src/log.ts'
import { PackedRecords } from '../../../src/packed-records.ts'

const record = (offset: number): RawRecord => ({
  offset,
  timestamp: epochMs(0),
  key: null,
  value: Buffer.alloc(10),
  headers: null,
})

test('cuts of any size are consecutive but for what was missing, stop at the limit and account for every offset', () => {
  const records = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 })
  const missing = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 9 }))
  const chunks = fc.array(fc.tuple(missing, records), { minLength: 1, maxLength: 6 })
  const limits = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 9 }), bytes: fc.integer({ min: 1, max: 99 }) }), {
    minLength: 1,
  })
  const property = fc.property(chunks, limits, fc.integer({ min: 0, max: 40 }), (shapes, sizes, before) => {
    const buffer = new PartitionBuffer()
    const offsets: number[] = []
    const begins = new Map<number, number>()
    let end = 0
    for (const [missing, shape] of shapes) {
      const from = end + missing
      begins.set(end, from)
      end = from
      const records = shape.flatMap((present, index) => (present ? [record(from + index)] : []))
      end += shape.length
      offsets.push(...records.map((each) => each.offset))
      buffer.push({ from, to: end, records: PackedRecords.of(records), leaderEpoch: 1, gap: null, arrivedMs: 0 })
    }
    const seen: number[] = []
    let at = 0
    for (let turn = 0; !buffer.empty; turn++) {
      const size = sizes[turn % sizes.length] ?? { rows: 1, bytes: 1 }
      at = begins.get(at) ?? at
      const limit = at < before ? before : Number.POSITIVE_INFINITY
      const cut = buffer.take({ ...size, before: limit })
      assert.ok(cut !== null)
      assert.equal(cut.from, at)
      assert.ok([...begins].every(([last, next]) => last === next || cut.to <= last || cut.from >= next))
      assert.ok(cut.to > cut.from && cut.to <= limit && cut.records.length <= size.rows)
      assert.ok([...cut.records].every((each) => each.offset >= cut.from && each.offset < cut.to))
      seen.push(...[...cut.records].map((each) => each.offset))
      at = cut.to
    }
    assert.equal(at, end)
    assert.deepEqual(seen, offsets)
    assert.equal(buffer.rows + buffer.bytes, 0)
  })
  fc.assert(property, { numRuns: 500 })
})

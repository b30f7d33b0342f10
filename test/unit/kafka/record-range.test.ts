import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '../../../src/kafka/crc32c.ts'
import { type RangeLimits, type RecordRange, readRange, recordCrc } from '../../../src/kafka/record-range.ts'
import type { FetchedPartition } from '../../../src/kafka/transport.ts'
import { markerBatch, plainBatch, writeBatch } from '../../support/record-batches.ts'

function range(
  batches: Buffer[],
  from: number,
  aborted: FetchedPartition['abortedTransactions'] = [],
  limits: RangeLimits = { plainBytesMax: 1 << 20 },
): RecordRange {
  const answer: FetchedPartition = {
    partition: 0,
    errorCode: 0,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: 0,
    abortedTransactions: aborted,
    batches: Buffer.concat(batches),
  }
  return readRange(answer, from, limits)
}

const offsets = (found: RecordRange): number[] => [...found.records].map((record) => record.offset)
const sent = (baseOffset: number, count: number, producerId: bigint): Buffer =>
  plainBatch(baseOffset, count, { producerId, transactional: true })

it('[P13] a record range accounts for every offset from the wanted one on, and remembers the last record', () => {
  const found = range([plainBatch(10, 5), plainBatch(15, 2)], 12)
  assert.deepEqual(offsets(found), [12, 13, 14, 15, 16])
  const { from, to, holes, gapTo, error, truncated } = found
  assert.deepEqual(
    { from, to, holes, gapTo, error, truncated },
    { from: 12, to: 17, holes: 0, gapTo: null, error: null, truncated: false },
  )
  assert.deepEqual(found.tail, {
    leaderEpoch: 3,
    offset: 16,
    timestamp: 1_700_000_000_000,
    crc: crc32c(Buffer.from('value 1')),
  })
})

it('a record range ends where another leader begins, so that every record of it has the epoch told', () => {
  const batches = [
    markerBatch(0, 1n, 'commit'),
    plainBatch(1, 2, { leaderEpoch: 4 }),
    plainBatch(3, 2, { leaderEpoch: 5 }),
  ]
  const found = range(batches, 0)
  assert.deepEqual([offsets(found), found.to, found.tail?.leaderEpoch, found.gapTo], [[1, 2], 3, 4, null])
  const next = range(batches.slice(1), 3)
  assert.deepEqual([offsets(next), next.to, next.tail?.leaderEpoch], [[3, 4], 5, 5])
})

it('a record range is empty for an empty answer', () => {
  const found = range([], 7)
  assert.deepEqual([found.from, found.to, found.holes, found.tail], [7, 7, 0, null])
})

it('a record range counts what compaction took out of a batch as holes, at its front, inside, at its end and all of it', () => {
  const thinned = writeBatch({ baseOffset: 0, records: [{ delta: 1 }, { delta: 4 }], lastOffsetDelta: 6 })
  const emptied = writeBatch({ baseOffset: 7, records: [], lastOffsetDelta: 2 })
  const found = range([thinned, emptied, plainBatch(10, 1)], 0)
  assert.deepEqual(offsets(found), [1, 4, 10])
  assert.equal(found.to, 11)
  assert.equal(found.holes, 8)
})

it('[P14] [P15] a record range advances over markers and emptied batches at the end of a log without a record', () => {
  const found = range([markerBatch(5, 1n, 'commit')], 5)
  assert.deepEqual([found.to, found.holes, found.tail], [6, 1, null])
})

it('a record range ends at offsets that no batch covers, and says where the next batch begins', () => {
  const found = range([plainBatch(0, 2), plainBatch(5, 2)], 0)
  assert.deepEqual([found.to, found.gapTo, offsets(found)], [2, 5, [0, 1]])
  const next = range([plainBatch(5, 2)], 2)
  assert.deepEqual([next.from, next.to, next.gapTo, next.records.length], [2, 2, 5, 0])
})

it('a record range tolerates a last batch cut off anywhere, and says so when it is the only one', () => {
  const [whole, cut] = [plainBatch(0, 2), plainBatch(2, 2)]
  for (let length = 0; length < cut.length; length++) {
    const found = range([whole, cut.subarray(0, length)], 0)
    assert.deepEqual([found.to, found.error, found.truncated, found.bytes], [2, null, false, whole.length])
    const alone = range([cut.subarray(0, length)], 2)
    assert.equal(alone.truncated, length > 0)
    assert.equal(alone.batchBytes, length < 12 ? 0 : cut.length)
    assert.equal(found.batchBytes, 0)
  }
})

it('a record range ends after the batch that brings it beyond its share of memory, and holds at least one', () => {
  const batches = Array.from({ length: 5 }, (_, index) => plainBatch(index * 3, 3))
  const whole = range(batches, 0)
  const each = whole.plainBytes / 5
  const short = (rangeBytesMax: number) => range(batches, 0, [], { plainBytesMax: 1 << 20, rangeBytesMax })
  assert.deepEqual([short(0).to, short(each).to, short(each + 1).to, short(whole.plainBytes).to], [3, 3, 6, 15])
  assert.equal(short(0).error, null)
  assert.equal(short(0).truncated, false)
  assert.equal(short(each).plainBytes, each)
})

it('a record range keeps what lies before a corrupt batch and nothing of the batch itself', () => {
  const bad = plainBatch(2, 3)
  bad[bad.length - 1] = (bad.at(-1) ?? 0) ^ 1
  const found = range([plainBatch(0, 2), bad, plainBatch(5, 1)], 0)
  assert.deepEqual([offsets(found), found.to, found.error?.code], [[0, 1], 2, 'KAFKA_CORRUPT_BATCH'])
  const half = writeBatch({ baseOffset: 2, records: [{ delta: 0 }, { delta: 0 }], lastOffsetDelta: 1 })
  const partly = range([plainBatch(0, 2), half], 0)
  assert.deepEqual([offsets(partly), partly.to, partly.error?.code], [[0, 1], 2, 'KAFKA_CORRUPT_BATCH'])
})

it('a record range refuses batches that overlap', () => {
  const found = range([plainBatch(0, 3), plainBatch(2, 3)], 0)
  assert.deepEqual([found.to, found.error?.code], [3, 'KAFKA_CORRUPT_BATCH'])
})

it('[P15] [F29] a record range hides the records of aborted transactions only, among committed and plain ones', () => {
  const batches = [
    sent(0, 2, 1n),
    sent(2, 2, 2n),
    plainBatch(4, 1),
    markerBatch(5, 1n, 'abort'),
    sent(6, 1, 1n),
    markerBatch(7, 1n, 'commit'),
    markerBatch(8, 2n, 'commit'),
  ]
  const found = range(batches, 0, [{ producerId: 1n, firstOffset: 0 }])
  assert.deepEqual(offsets(found), [2, 3, 4, 6])
  assert.deepEqual([found.to, found.holes], [9, 5])
})

it('a record range shows what the producer of an aborted transaction wrote outside of it', () => {
  const batches = [sent(0, 1, 1n), plainBatch(1, 1, { producerId: 1n }), markerBatch(2, 1n, 'abort')]
  assert.deepEqual(offsets(range(batches, 0, [{ producerId: 1n, firstOffset: 0 }])), [1])
})

it('a record range hides every one of several aborted transactions of one producer', () => {
  const batches = [
    sent(0, 2, 1n),
    markerBatch(2, 1n, 'abort'),
    sent(3, 1, 1n),
    markerBatch(4, 1n, 'commit'),
    sent(5, 2, 1n),
    markerBatch(7, 1n, 'abort'),
  ]
  const aborted = [
    { producerId: 1n, firstOffset: 5 },
    { producerId: 1n, firstOffset: 0 },
  ]
  assert.deepEqual(offsets(range(batches, 0, aborted)), [3])
})

it('a record range hides an aborted transaction whose beginning or marker is in another answer', () => {
  const aborted = [{ producerId: 1n, firstOffset: 0 }]
  assert.deepEqual(offsets(range([sent(4, 2, 1n), plainBatch(6, 1)], 4, aborted)), [6])
  assert.deepEqual(offsets(range([sent(4, 2, 1n), markerBatch(6, 1n, 'abort'), sent(7, 1, 1n)], 5, aborted)), [7])
})

it('a record range never throws, and never accounts for an offset twice, whatever bits are flipped', () => {
  const good = [plainBatch(0, 3), plainBatch(3, 20, { codec: 'gzip' }), markerBatch(23, 1n, 'abort'), plainBatch(24, 2)]
  const section = Buffer.concat(good)
  fc.assert(
    fc.property(fc.array(fc.nat(section.length * 8 - 1), { minLength: 1, maxLength: 3 }), (bits) => {
      const damaged = Buffer.from(section)
      for (const bit of bits) damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const found = range([damaged], 0)
      assert.equal(new Set(offsets(found)).size, found.records.length)
      assert.ok(found.holes >= 0 && [...found.records].every(({ offset }) => offset >= found.from && offset < found.to))
    }),
    { numRuns: 2000 },
  )
})

it('a record range takes the checksum of a record over key, then value', () => {
  const [key, value] = [Buffer.from('ab'), Buffer.from('cd')]
  assert.equal(recordCrc({ key, value }), crc32c(Buffer.from('abcd')))
  assert.equal(recordCrc({ key: null, value }), crc32c(value))
  assert.equal(recordCrc({ key, value: null }), crc32c(key))
  assert.equal(recordCrc({ key: null, value: null }), 0)
})

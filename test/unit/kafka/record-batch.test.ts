import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import fc from 'fast-check'
import { ProcessorError } from '../../../src/errors.ts'
import { CODECS } from '../../../src/kafka/codecs.ts'
import { readRecordBatch, readRecords } from '../../../src/kafka/record-batch.ts'
import { writeRecordBatch } from '../../../src/kafka/record-batch-writer.ts'
import type { RawRecord } from '../../../src/log.ts'
import { PackedRecords } from '../../../src/packed-records.ts'
import {
  headerSection,
  markerBatch,
  plainBatch,
  sealBatch,
  writeBatch,
  writeRecord,
} from '../../support/record-batches.ts'

const PLAIN_BYTES_MAX = 1 << 20

function recordsOf(section: Buffer, from = 0): RawRecord[] {
  const batch = readRecordBatch(section, 0)
  assert.ok(batch !== null)
  const records = new PackedRecords()
  readRecords(batch, from, PLAIN_BYTES_MAX, records)
  return [...records].map(({ offset, timestamp, key, value, headers }) => ({ offset, timestamp, key, value, headers }))
}

const corrupt = (error: unknown): boolean => error instanceof ProcessorError && error.code === 'KAFKA_CORRUPT_BATCH'

it('a record batch gives key, value, headers, time and offset as they were written', () => {
  const headers: [string, Buffer | null][] = [['trace', Buffer.from('abc')]]
  const section = writeBatch({
    baseOffset: 1000,
    leaderEpoch: 7,
    producerId: 99n,
    records: [
      { delta: 0, key: Buffer.from('k'), value: Buffer.from('v'), headers },
      { delta: 1, value: null, timestampDelta: -5n },
      { delta: 2, value: Buffer.alloc(0), timestampDelta: 5_000_000_000_000n },
    ],
  })
  const batch = readRecordBatch(section, 0)
  assert.equal(batch?.baseOffset, 1000)
  assert.equal(batch?.lastOffset, 1002)
  assert.equal(batch?.leaderEpoch, 7)
  assert.equal(batch?.producerId, 99n)
  assert.equal(batch?.bytes, section.length)
  assert.deepEqual(recordsOf(section), [
    {
      offset: 1000,
      timestamp: 1_700_000_000_000,
      key: Buffer.from('k'),
      value: Buffer.from('v'),
      headers: headerSection(headers),
    },
    { offset: 1001, timestamp: 1_699_999_999_995, key: null, value: null, headers: null },
    { offset: 1002, timestamp: 6_700_000_000_000, key: null, value: Buffer.alloc(0), headers: null },
  ])
})

it('a record batch gives every record the time of the batch where the topic says LogAppendTime', () => {
  const records = [{ delta: 0 }, { delta: 1, timestampDelta: 77n }]
  const section = writeBatch({ baseOffset: 0, records, logAppendTime: true, maxTimestamp: 1_800_000_000_000n })
  const times = recordsOf(section).map((record) => record.timestamp)
  assert.deepEqual(times, [1_800_000_000_000, 1_800_000_000_000])
})

it('a record batch leaves out the records before the wanted offset', () => {
  const offsets = recordsOf(plainBatch(10, 5), 13).map((record) => record.offset)
  assert.deepEqual(offsets, [13, 14])
})

for (const codec of ['none', 'gzip', 'snappy', 'xerial', 'lz4', 'zstd'] as const) {
  it(`a record batch reads ${codec}, short and long, repetitive and random`, () => {
    const values = [
      Buffer.alloc(0),
      Buffer.from('x'),
      Buffer.alloc(200_000, 'abcdefg'),
      randomBytes(100_000),
      Buffer.from('{"level":"INFO","message":"hello"}'.repeat(500)),
    ]
    const records = values.map((value, delta) => ({ delta, value }))
    assert.deepEqual(
      recordsOf(writeBatch({ baseOffset: 0, records, codec })).map((record) => record.value),
      values,
    )
  })

  it(`a record batch refuses ${codec === 'none' ? 'nothing' : codec} content above the limit`, () => {
    const section = writeBatch({ baseOffset: 0, records: [{ delta: 0, value: Buffer.alloc(3 << 20) }], codec })
    if (codec === 'none') assert.equal(recordsOf(section).length, 1)
    else assert.throws(() => recordsOf(section), corrupt)
  })
}

for (const codec of CODECS) {
  it(`what the producer writes with ${codec} is read back`, () => {
    const messages = Array.from({ length: 700 }, (_, index) => ({
      key: index % 3 === 0 ? Buffer.from(`key ${index}`) : null,
      value: Buffer.from(`value ${index}`.repeat(index % 30)),
      timestamp: 1_700_000_000_000 + (index % 7) * 100_000_000,
      headers: index % 5 === 0 ? ([['ünicode', Buffer.from('v')]] as const) : [],
    }))
    const records = recordsOf(writeRecordBatch(messages, { codec, nowMs: 0 }))
    assert.equal(records.length, messages.length)
    for (const [index, message] of messages.entries()) {
      const headers = message.headers.length === 0 ? null : headerSection(message.headers)
      const { key, value, timestamp } = message
      assert.deepEqual(records[index], { offset: index, timestamp, key, value, headers })
    }
  })
}

it('a record batch is null where the section ends before the batch does, at any length', () => {
  const section = plainBatch(0, 3)
  for (let length = 0; length < section.length; length++) {
    assert.equal(readRecordBatch(section.subarray(0, length), 0), null)
  }
})

it('a record batch of the formats before Kafka 0.11 is refused by name', () => {
  for (const magic of [0, 1]) {
    assert.throws(() => readRecordBatch(plainBatch(0, 1, { magic }), 0), { code: 'KAFKA_PROTOCOL' })
  }
})

it('a batch whose records and header disagree is refused', () => {
  const one = [{ delta: 0 }]
  const broken: Record<string, Buffer> = {
    'fewer records than counted': writeBatch({ baseOffset: 0, records: one, count: 2, lastOffsetDelta: 1 }),
    'more records than counted': writeBatch({ baseOffset: 0, records: [{ delta: 0 }, { delta: 1 }], count: 1 }),
    'more records than offsets': writeBatch({ baseOffset: 0, records: one, count: 5 }),
    'an offset beyond the last': writeBatch({ baseOffset: 0, records: [{ delta: 4 }], lastOffsetDelta: 1 }),
    'offsets that go back': writeBatch({ baseOffset: 0, records: [{ delta: 1 }, { delta: 0 }], lastOffsetDelta: 2 }),
    'a negative offset': plainBatch(-5, 1),
    'an offset beyond 53 bits': plainBatch(2 ** 60, 1),
    'bytes behind the last record': sealBatch(
      { baseOffset: 0, records: one },
      Buffer.concat([writeRecord({ delta: 0 }), Buffer.from([0])]),
    ),
    'a codec that holds something else': sealBatch({ baseOffset: 0, records: one, codec: 'gzip' }, Buffer.from('no')),
  }
  for (const [what, section] of Object.entries(broken)) assert.throws(() => recordsOf(section), corrupt, what)
})

it('every flipped bit behind the length is noticed, and any other ends in a typed error at worst', () => {
  const sections = [plainBatch(5, 4), plainBatch(5, 40, { codec: 'lz4' }), markerBatch(5, 1n, 'abort')]
  const flips = fc.record({ which: fc.nat(sections.length - 1), bit: fc.nat(20_000) })
  fc.assert(
    fc.property(flips, ({ which, bit }) => {
      const section = Buffer.from(sections[which] ?? [])
      const at = (bit >> 3) % section.length
      section[at] = (section[at] ?? 0) ^ (1 << (bit & 7))
      if (at >= 16) return assert.throws(() => recordsOf(section), ProcessorError)
      try {
        readRecordBatch(section, 0)
      } catch (error) {
        assert.ok(error instanceof ProcessorError)
      }
    }),
    { numRuns: 2000 },
  )
})

it('any record section under a good checksum gives records or a typed error, whatever the codec', () => {
  const codec = fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd', 'xerial')
  const damage = fc.array(fc.tuple(fc.nat(5000), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(codec, damage, fc.nat(400), (which, changes, cut) => {
      const records = Array.from({ length: 30 }, (_, delta) => ({ delta, value: Buffer.from(`repeat ${delta % 3}`) }))
      const batch = { baseOffset: 0, records, codec: which }
      const payload = Buffer.from(writeBatch(batch).subarray(61))
      for (const [at, value] of changes) payload[at % payload.length] = value
      try {
        recordsOf(sealBatch(batch, payload.subarray(0, Math.max(1, payload.length - (cut > 200 ? cut - 200 : 0)))))
      } catch (error) {
        assert.ok(error instanceof ProcessorError, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryRows, storableText } from '../../../src/postgres/binary-rows.ts'
import { roundHalfEven } from '../../../src/postgres/round-half-even.ts'

const HEADER_BYTES = 19

/** The bytes of one field, its length included. */
function field(write: (rows: BinaryRows) => void, memory = 64): Buffer {
  const rows = new BinaryRows(memory)
  rows.start(memory)
  write(rows)
  const file = rows.finish()
  assert.equal(file.subarray(0, 11).toString('latin1'), 'PGCOPY\n\xff\r\n\0')
  assert.equal(file.readInt16BE(file.length - 2), -1)
  return Buffer.from(file.subarray(HEADER_BYTES, -2))
}

test('numbers are written as PostgreSQL reads them', () => {
  assert.equal(field((rows) => rows.row(15)).toString('hex'), '000f')
  assert.equal(field((rows) => rows.null()).toString('hex'), 'ffffffff')
  assert.equal(field((rows) => rows.int2(-2)).toString('hex'), '00000002fffe')
  assert.equal(field((rows) => rows.int4(2_147_483_647)).toString('hex'), '000000047fffffff')
  for (const value of [0, -1, 4_294_967_296, -4_294_967_297, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    assert.equal(field((rows) => rows.int8(value)).readBigInt64BE(4), BigInt(value))
  }
  assert.equal(field((rows) => rows.float8(0.1)).readDoubleBE(4), 0.1)
})

test('a value that the column cannot hold is refused, never wrapped', () => {
  for (const write of [
    (rows: BinaryRows) => rows.int4(99_999_999_999),
    (rows: BinaryRows) => rows.int4(1.5),
    (rows: BinaryRows) => rows.int2(40_000),
    (rows: BinaryRows) => rows.int8(2 ** 53),
    (rows: BinaryRows) => rows.float8(Number.NaN),
    (rows: BinaryRows) => rows.float4(Number.POSITIVE_INFINITY),
    (rows: BinaryRows) => rows.timestamp(Number.NaN),
  ]) {
    assert.throws(() => field(write), RangeError)
  }
})

test('a timestamp keeps its microseconds', () => {
  assert.equal(field((rows) => rows.timestamp(946_684_800_000)).readBigInt64BE(4), 0n)
  assert.equal(field((rows) => rows.timestamp(946_684_800_000.001)).readBigInt64BE(4), 1n)
  assert.equal(field((rows) => rows.timestamp(946_684_799_999)).readBigInt64BE(4), -1_000n)
})

test('text is valid UTF-8 without NUL, whatever came', () => {
  for (const write of ['text', 'name'] as const) {
    const bytes = field((rows) => rows[write]('a\u0000b\ud800c🚨'))
    assert.equal(bytes.readInt32BE(0), bytes.length - 4)
    assert.equal(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(4)), 'a\ufffdb\ufffdc🚨')
  }
  assert.equal(storableText('plain'), 'plain')
})

test('the buffer grows, and is reused for the next batch', () => {
  const rows = new BinaryRows(32)
  const long = 'é'.repeat(10_000)
  for (let round = 0; round < 3; round++) {
    rows.start(32)
    rows.text(long)
    rows.jsonb('{"a":1}')
    const file = rows.finish()
    assert.equal(file.toString('utf8', HEADER_BYTES + 4, HEADER_BYTES + 4 + 20_000), long)
    assert.equal(file.subarray(HEADER_BYTES + 20_004, -2).toString('hex'), '00000008017b2261223a317d')
  }
})

test('more names than are kept are still written right', () => {
  const rows = new BinaryRows(64)
  for (let i = 0; i < 10_000; i++) {
    rows.start(64)
    rows.name(`service-${i}`)
    assert.equal(
      rows
        .finish()
        .subarray(HEADER_BYTES + 4, -2)
        .toString(),
      `service-${i}`,
    )
  }
})

test('halves are rounded to even', () => {
  assert.deepEqual([0.5, 1.5, 2.5, 2.4999, 2.5001, 3, 0].map(roundHalfEven), [0, 2, 2, 2, 3, 3, 0])
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { decodeHeaders } from '../../../src/kafka/record-headers.ts'
import { headerSection, varint } from '../../support/record-batches.ts'

it('headers keep their order, their repeated keys and their nulls', () => {
  const section = headerSection([
    ['a', Buffer.from([0xff, 0])],
    ['a', null],
    ['', Buffer.alloc(0)],
  ])
  assert.deepEqual(decodeHeaders(section), [
    ['a', '/wA='],
    ['a', null],
    ['', ''],
  ])
  assert.deepEqual(decodeHeaders(null), [])
})

it('a section cut off anywhere gives the headers before the cut', () => {
  const section = headerSection([
    ['first', Buffer.from('1')],
    ['second', Buffer.from('2')],
  ])
  assert.deepEqual(decodeHeaders(section.subarray(0, section.length - 1)), [['first', 'MQ==']])
  assert.deepEqual(decodeHeaders(varint(2_000_000_000)), [])
})

it('decoding headers never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      assert.ok(Array.isArray(decodeHeaders(Buffer.from(bytes))))
    }),
    { numRuns: 2000 },
  )
})

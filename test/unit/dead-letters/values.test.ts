import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { editedOf, elementOf, wholeValue } from '../../../src/dead-letters/values.ts'
import { epochMs } from '../../../src/log.ts'

const whole = Buffer.from('a whole value')
const letter = {
  topic: 'logs',
  partition: 1,
  offset: 7,
  value: whole.subarray(0, 4),
  valueSize: whole.length,
  valueSha256: createHash('sha256').update(whole).digest('hex'),
}
const holding = (value: Buffer | null) => ({
  read: async () => ({ offset: 7, timestamp: epochMs(1), key: null, headers: null, value }),
})
const never = { read: async () => assert.fail('Kafka was asked for a value that is there') }

test('a value that was kept whole is taken as it is', async () => {
  assert.equal(await wholeValue({ ...letter, value: whole }, never), whole)
})

test('a value that was cut is read again, and believed by its size and hash alone', async () => {
  assert.equal(await wholeValue(letter, holding(whole)), whole)
  assert.equal(await wholeValue(letter, holding(Buffer.from('a whole VALUE'))), null)
  assert.equal(await wholeValue(letter, holding(Buffer.from('another'))), null)
  assert.equal(await wholeValue(letter, holding(null)), null)
  assert.equal(await wholeValue(letter, { read: async () => null }), null)
  assert.equal(await wholeValue({ ...letter, value: null }, holding(whole)), whole, 'erased, but Kafka has it')
})

test('an element is told apart where the message is an array that has it, or the one object', () => {
  assert.equal(elementOf(Buffer.from('[1,{"a":2}]'), 1), '{"a":2}')
  assert.equal(elementOf(Buffer.from('{"a":2}'), 0), '{"a":2}')
  assert.equal(elementOf(Buffer.from('{"a":2}'), 1), null)
  assert.equal(elementOf(Buffer.from('[1'), 0), null)
})

test('an edited line says which letter and what stands in for it: the value, or the element of an array', () => {
  assert.deepEqual(editedOf('{"position":"logs/0/1","value":"{}"}', 'a.jsonl, line 1'), {
    position: 'logs/0/1',
    edited: { value: Buffer.from('{}') },
  })
  assert.equal(
    editedOf('{"position":"logs/0/1","value_base64":"/wA="}', 'a.jsonl, line 1').edited.value.toString('hex'),
    'ff00',
  )
  assert.equal(
    editedOf('{"position":"logs/0/1/3","value":"[1]","element":"{}"}', 'a.jsonl, line 1').edited.value.toString(),
    '{}',
  )
})

test('a line that cannot be meant is refused, a cut value among them', () => {
  for (const line of [
    'no json',
    '17',
    '{"value":"{}"}',
    '{"position":"logs/0/1","value_cut_base64":"AAA="}',
    '{"position":"logs/0/1/3","value":"[1]"}',
  ])
    assert.throws(() => editedOf(line, 'a.jsonl, line 7'), /^ProcessorError: a\.jsonl, line 7: .*expected/)
})

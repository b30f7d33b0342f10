import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Letter, type LetterValue, type Reading, readAgain } from '../../../src/dead-letters/second-reading.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { replayedLog } from '../../../src/scoring/rule-scorer.ts'
import { MINUTE } from '../../support/ready-ranges.ts'

const reader = { normalize: createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => MINUTE), judge: replayedLog }
const place = { partition: 2, offset: 42, recordTimeMs: MINUTE }

function read(item: number, text: string, replaces: LetterValue['replaces'] = 'record'): Reading {
  return readAgain({ ...place, item }, { key: null, value: Buffer.from(text), replaces }, reader)
}
const items = (reading: Reading): number[] =>
  reading.kind === 'logs' ? reading.logs.map(({ event }) => event.item) : []

test('a whole record gives all of its logs at its place, and letters for the elements that are still bad', () => {
  const reading = read(-1, '[{"message":"a"},7,{"message":"b"}]')
  assert.ok(reading.kind === 'logs')
  assert.deepEqual(items(reading), [0, 2])
  assert.deepEqual(
    reading.rejects.map(({ item, reason }) => [item, reason]),
    [[1, 'bad_item']],
  )
  const [first] = reading.logs
  assert.deepEqual([first?.event.partition, first?.event.offset, first?.source], [2, 42, 'replay'])
  assert.equal(first?.event.createdAt, MINUTE, 'the time of its record')
})

test('a whole record that is still bad, or of which nothing is good, stays as it is: no letter makes letters', () => {
  assert.deepEqual(read(-1, '{"a'), { kind: 'refused', reason: 'bad_json', detail: 'The value is not JSON' })
  const none = read(-1, '[1,2]')
  assert.ok(none.kind === 'refused' && none.reason === 'bad_item')
})

test('what holds nothing says that there is nothing', () => {
  assert.equal(read(-1, '[]').kind, 'nothing')
  assert.equal(read(-1, '').kind, 'nothing')
  assert.equal(read(3, '[{}]').kind, 'nothing')
})

test('an element is read in its array, or alone where it stands in for one, and keeps its index', () => {
  assert.deepEqual(items(read(2, '[{},1,{"message":"c"}]')), [2])
  assert.deepEqual(items(read(2, '{"message":"c"}', 'element')), [2])
  assert.equal(read(1, '[{},1]').kind, 'refused')
  assert.equal(read(2, '[{},{}]', 'element').kind, 'refused')
  assert.equal(read(2, '{"a', 'element').kind, 'refused')
  assert.equal(read(2, '{"a').kind, 'refused', 'the whole message is bad')
})

test('whatever the bytes, a reading has one end, never throws, and an element never becomes more than one log', () => {
  const letters = fc.record({ item: fc.integer({ min: -1, max: 3 }), element: fc.boolean(), noTime: fc.boolean() })
  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => Buffer.from(JSON.stringify(value)))
  const values = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    json,
    fc.array(json, { maxLength: 5 }).map((all) => Buffer.from(`[${all.join(',')}]`)),
    fc.constant(null),
  )
  fc.assert(
    fc.property(letters, values, ({ item, element, noTime }, value) => {
      const letter: Letter = { ...place, item, recordTimeMs: noTime ? null : MINUTE }
      const replaces = element && item >= 0 ? 'element' : 'record'
      const reading = readAgain(letter, { key: null, value, replaces }, reader)
      if (reading.kind !== 'logs') return
      assert.ok(reading.logs.length > 0)
      if (item >= 0) assert.deepEqual([items(reading), reading.rejects], [[item], []])
      assert.ok(reading.rejects.every((reject) => reject.item >= 0))
    }),
    { numRuns: 2_000 },
  )
})

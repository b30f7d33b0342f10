import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaDump } from '../../chaos/kafka-dump.ts'

const VALUES: readonly (string | null)[] = ['{"a": 1}', null, '', '12 13 14 looks like a head', 'ü\n'.repeat(500)]
const BYTES = Buffer.concat(
  VALUES.map((value, offset) => {
    const bytes = Buffer.from(value ?? '')
    return Buffer.concat([
      Buffer.from(`${offset * 3} ${1_700_000_000_000 + offset} ${value === null ? -1 : bytes.length} `),
      bytes,
    ])
  }),
)

test('records come whole, however the output is cut up', () => {
  for (const size of [1, 2, 7, 64, 1_000, BYTES.length]) {
    const dump = new KafkaDump()
    const records = []
    for (let at = 0; at < BYTES.length; at += size) records.push(...dump.add(BYTES.subarray(at, at + size)))
    assert.deepEqual(
      records.map(({ offset, timestamp, value }) => [offset, timestamp, value?.toString() ?? null]),
      VALUES.map((value, index) => [index * 3, 1_700_000_000_000 + index, value]),
    )
    assert.equal(dump.isCut, false)
  }
})

test('an output that ends in the middle of a record is told', () => {
  const dump = new KafkaDump()
  assert.equal(dump.add(BYTES.subarray(0, BYTES.length - 1)).length, VALUES.length - 1)
  assert.equal(dump.isCut, true)
})

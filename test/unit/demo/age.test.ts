import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ageMs, bucketsOf, quantile, since, sum } from '../../../src/demo/age.ts'

/** Counts below 0.1 s, below 1 s, and in all. */
const page = (fast: number, slow: number, all: number): string =>
  [
    '# TYPE age_seconds histogram',
    `age_seconds_bucket{le="0.1"} ${fast}`,
    `age_seconds_bucket{le="1"} ${slow}`,
    `age_seconds_bucket{le="+Inf"} ${all}`,
    `age_seconds_count ${all}`,
  ].join('\n')

test('the ages of several workers are added before the percentile is taken', () => {
  const both = sum([bucketsOf(page(98, 98, 98), 'age_seconds'), bucketsOf(page(0, 2, 2), 'age_seconds')])
  assert.equal(both.get(Number.POSITIVE_INFINITY), 100)
  assert.deepEqual(ageMs(both), { p50: 51, p99: 550 })
})

test('between two readings only what came between them counts', () => {
  const disturbed = bucketsOf(page(10, 10, 50), 'age_seconds')
  const later = bucketsOf(page(110, 110, 150), 'age_seconds')
  assert.equal(quantile(since(later, disturbed), 0.99), 0.099)
  assert.equal(quantile(since(disturbed, disturbed), 0.5), null)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medianFigure, medianRatio, NOTHING, percentile, spread } from '../../../src/bench/figures.ts'

test('the median figure takes each number by itself and leaves out what is not known', () => {
  const figure = medianFigure([
    { ...NOTHING, rowsPerSecond: 10, cpuSecondsPerMillion: 3, loopDelayMs: { p50: 1, p99: 8, max: 9 } },
    { ...NOTHING, rowsPerSecond: 30, cpuSecondsPerMillion: null, loopDelayMs: { p50: 3, p99: 4, max: 70 } },
    { ...NOTHING, rowsPerSecond: 20, cpuSecondsPerMillion: 5, loopDelayMs: { p50: 2, p99: 6, max: 10 } },
  ])
  assert.deepEqual(figure, {
    ...NOTHING,
    rowsPerSecond: 20,
    cpuSecondsPerMillion: 4,
    loopDelayMs: { p50: 2, p99: 6, max: 10 },
  })
})

test('a ratio is the median of the pairs, not the ratio of the medians', () => {
  assert.equal(medianRatio([100, 10, 40], [100, 20, 20]), 1)
  assert.equal(medianRatio([1, 2], []), null)
})

test('a spread is told in percent of the middle', () => {
  assert.deepEqual(spread([8, 10, 13]), { middle: 10, percent: [-20, 0, 30], widest: 30 })
})

test('a percentile is by nearest rank, and null of nothing', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  assert.equal(percentile(hundred, 0.99), 99)
  assert.equal(percentile(hundred, 0), 1)
  assert.equal(percentile([7], 0.5), 7)
  assert.equal(percentile([], 0.5), null)
})

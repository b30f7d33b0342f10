import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResidualHistogram } from '../../../src/anomaly/residual-histogram.ts'

/** So many residuals, spread evenly over [-2, 2). */
function even(count: number): ResidualHistogram {
  const histogram = new ResidualHistogram()
  for (let i = 0; i < count; i++) histogram.learn(-2 + (4 * i) / count, 1)
  return histogram
}

test('without residuals the share below is that of the logistic curve', () => {
  const histogram = new ResidualHistogram()
  assert.equal(histogram.below(0), 0.5)
  assert.ok(Math.abs(histogram.below(1) - 1 / (1 + Math.exp(-1.702))) < 1e-12)
})

test('with many it is their own, whatever their shape', () => {
  const histogram = even(20_000)
  for (const r of [-1.5, -0.5, 0, 0.5, 1.5]) {
    const below = histogram.below(r)
    assert.ok(Math.abs(below - (r + 2) / 4) < 0.01, `${below} below ${r}`)
  }
})

test('the surprise is the share at least so large, and goes on growing beyond all that was seen', () => {
  const histogram = even(20_000)
  const surprise = (r: number): number => histogram.surprise(r, histogram.below(r))
  assert.ok(Math.abs(surprise(0) - Math.log10(2)) < 0.02, `${surprise(0)}`)
  assert.ok(Math.abs(surprise(1.6) - 1) < 0.1, `${surprise(1.6)}`)
  const beyond = [3, 5, 8].map(surprise)
  assert.ok(beyond[0]! > 2 && beyond[1]! > beyond[0]! && beyond[2]! > beyond[1]!, beyond.join(', '))
})

test('what decays keeps its shape and weighs less against what is learned next', () => {
  const histogram = even(20_000)
  const before = histogram.below(0.5)
  histogram.decay(0.01)
  assert.ok(Math.abs(histogram.below(0.5) - before) < 0.02)
  for (let i = 0; i < 200; i++) histogram.learn(3, 1)
  const after = histogram.below(2.5)
  assert.ok(after > 0.45 && after < 0.55, `${after}: half of the weight is new`)
})

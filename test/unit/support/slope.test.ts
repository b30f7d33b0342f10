/** The estimator by which a fault test calls memory flat: it has to see growth, and must not see it where there is none. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../../src/demo/random.ts'
import { slopeOf } from '../../support/slope.ts'

function noisy(perSecond: number, seed: number): { at: number; value: number }[] {
  const random = new Random(seed)
  return Array.from({ length: 60 }, (_, at) => ({ at, value: 200 + perSecond * at + random.normal() }))
}

test('a line is found exactly, a step in it does not bend it', () => {
  const line = Array.from({ length: 30 }, (_, at) => ({ at, value: 7 + 0.5 * at }))
  const { perSecond, low, high } = slopeOf(line)
  assert.deepEqual([perSecond, low, high], [0.5, 0.5, 0.5])
  const stepped = line.map(({ at }) => ({ at, value: at < 28 ? 100 : 180 }))
  assert.equal(slopeOf(stepped).perSecond, 0)
})

test('the interval holds the true slope, and not zero where it is far from it', () => {
  let held = 0
  for (let seed = 1; seed <= 200; seed++) {
    const { low, high } = slopeOf(noisy(0.1, seed))
    if (low <= 0.1 && high >= 0.1) held++
    assert.ok(low > 0, `seed ${seed}: ${low}`)
  }
  assert.ok(held >= 180, `${held} of 200`)
})

test('less than ten points say nothing', () => {
  assert.throws(() => slopeOf(noisy(0, 1).slice(0, 9)), RangeError)
})

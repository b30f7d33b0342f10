import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Volume } from '../../../src/anomaly/volume.ts'

/** So many 10-second buckets of so many logs each. */
function lived(buckets: number, logs: number): Volume {
  const volume = new Volume()
  for (let bucket = 0; bucket < buckets; bucket++) volume.learn(logs, 6 * logs, 1)
  return volume
}

test('a rate is known after five minutes, and no surge is told before', () => {
  const young = lived(29, 10)
  assert.equal(young.known, false)
  assert.equal(young.surgeSurprise(10_000), 0)
  assert.equal(lived(30, 10).known, true)
})

test('the rate is that of the buckets, in 10 s and in a minute', () => {
  const volume = lived(60, 10)
  assert.ok(Math.abs(volume.rate - 10) < 1e-9, `${volume.rate}`)
  assert.ok(Math.abs(volume.perMinute - 60) < 1e-9, `${volume.perMinute}`)
})

test('a surge begins beyond 1.8 times the usual and four more, and surprises the more the larger it is', () => {
  const volume = lived(60, 10)
  assert.equal(volume.surgeSurprise(112), 0)
  const [small, large] = [volume.surgeSurprise(113), volume.surgeSurprise(240)]
  assert.ok(small > 3 && large > small, `${small}, ${large}`)
})

test('one bucket moves a settled rate by no more than three deviations would', () => {
  const volume = lived(300, 10)
  volume.learn(100_000, 100_050, 1)
  assert.ok(volume.rate > 10 && volume.rate < 10.2, `${volume.rate}`)
})

test('what goes on now widens the limits of later, not its own: restlessness is told as it last settled', () => {
  const volume = lived(60, 10)
  const before = volume.restlessness
  for (let bucket = 0; bucket < 60; bucket++) volume.learn(bucket % 2 === 0 ? 0 : 40, bucket % 2 === 0 ? 20 : 160, 1)
  assert.equal(volume.restlessness, before)
  volume.settle()
  assert.ok(volume.restlessness > before, `${volume.restlessness} after ${before}`)
})

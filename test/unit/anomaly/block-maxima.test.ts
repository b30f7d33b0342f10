import assert from 'node:assert/strict'
import { it } from 'node:test'
import { BlockMaxima } from '../../../src/anomaly/block-maxima.ts'

it('a statistic that often rises high must rise higher to surprise', () => {
  const calm = new BlockMaxima(2)
  const restless = new BlockMaxima(2)
  for (let block = 0; block < 60; block++) {
    calm.enter(block)
    restless.enter(block)
    calm.calibrate(1 + (block % 3) * 0.3)
    restless.calibrate(4 + (block % 5) * 2)
  }
  assert.ok(calm.calibrate(9) > 5)
  assert.ok(restless.calibrate(9) < 3.5)
})

it('an incident does not teach the calibration about itself within the hour', () => {
  const maxima = new BlockMaxima(2)
  for (let block = 0; block < 40; block++) {
    maxima.enter(block)
    maxima.calibrate(1.5)
  }
  maxima.enter(40)
  const atFirst = maxima.calibrate(12)
  for (let block = 41; block < 46; block++) {
    maxima.enter(block)
    assert.ok(Math.abs(maxima.calibrate(12) - atFirst) < 0.5, `block ${block}`)
  }
})

it('the calibrated surprise rises with the statistic and never exceeds it', () => {
  const maxima = new BlockMaxima(2)
  let last = 0
  for (let theory = 0; theory < 40; theory += 0.1) {
    const calibrated = maxima.calibrate(theory)
    assert.ok(calibrated >= last && calibrated <= theory, `at ${theory}`)
    last = calibrated
  }
})

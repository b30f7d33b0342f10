import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../../chaos/chaos.ts'
import type { Measured, Trial } from '../../chaos/recovery.ts'
import { isWithin, quantileMs, recoveryPage } from '../../chaos/recovery-page.ts'

function measured(ms: readonly number[], more: Partial<Trial> = {}): Measured {
  const trial: Trial = {
    name: 'an owner killed',
    measured: 'from the kill',
    boundMs: 2_000,
    held: 'max',
    times: ms.length,
    run: async () => ms,
    ...more,
  }
  return { trial, ms }
}

test('a goal is missed by one time above it; of a hundred one may be', () => {
  assert.equal(isWithin(measured([1, 2_000])), true)
  assert.equal(isWithin(measured([1, 2_001])), false)
  const hundred = Array.from({ length: 100 }, (_, at) => at)
  assert.equal(isWithin(measured(hundred, { held: 'p99', boundMs: 99 })), true)
  assert.equal(isWithin(measured(hundred, { held: 'p99', boundMs: 98 })), false)
  assert.equal(isWithin(measured([])), false, 'what was not measured is not met')
  assert.deepEqual([quantileMs([3, 1, 2], 0.5), quantileMs([3, 1, 2], 1)], [2, 3])
})

test('the page tells each time, what was missed, and what became of the logs', () => {
  const outcome: Outcome = {
    seed: 1,
    records: 12_345,
    lost: 1,
    duplicated: 2,
    altered: 3,
    peakRssMb: 222,
    surprises: 0,
    differences: [],
  }
  const page = recoveryPage([measured([250, 1_500]), measured([2_500])], outcome, {
    node: '24.0.0',
    postgres: '15.1',
    kafka: '4.0.0',
  })
  assert.match(page, /\| an owner killed \| from the kill \| 2 \| 1\.5 s \| 1\.5 s \| at most 2\.0 s \| met \|/)
  assert.match(page, /\| 1 \| 2\.5 s \| 2\.5 s \| at most 2\.0 s \| \*\*missed\*\* \|/)
  assert.match(page, /Of 12,345 logs meanwhile 1 were lost, 2 doubled, 3 altered; a worker held at most 222 MB/)
})

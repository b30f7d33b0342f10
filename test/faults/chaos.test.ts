/**
 * Chaos, shortened: each fault once, a kill at each failpoint, and a storm, on real parts; as `npm run chaos`, whose long runs are
 * by hand. Ten minutes, so only where everything has to run.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChaosOptions, chaos } from '../chaos/chaos.ts'
import { FAULTS } from '../chaos/faults.ts'
import { FAILPOINT_FAULTS } from '../chaos/worker-faults.ts'

const skip = process.env['CI'] === 'true' ? false : 'takes ten minutes; with CI=true, or by npm run chaos'
const options: Omit<ChaosOptions, 'seed' | 'faults'> = {
  minutes: 0,
  once: true,
  rate: 1_000,
  workers: 3,
  partitions: 4,
  brokers: 1,
  pooled: true,
  standby: true,
}

async function isWhole(given: Pick<ChaosOptions, 'seed' | 'faults'> & Partial<ChaosOptions>): Promise<void> {
  const run = await chaos({ ...options, ...given })
  assert.deepEqual(run.differences, [])
  assert.deepEqual([run.lost, run.duplicated, run.altered, run.surprises], [0, 0, 0, 0])
  assert.ok(run.records > 10_000, `${run.records} records`)
  assert.ok(run.peakRssMb <= 300, `${run.peakRssMb} MB`)
  const stuck = run.faults.filter(({ recoveredMs, beside }) => recoveredMs === null && beside !== true)
  assert.deepEqual(stuck, [], 'every partition moved on after every fault')
}

test('[F1] killed at each failpoint, the table equals that of a run without faults', { skip, timeout: 900_000 }, () =>
  isWhole({ seed: 11, faults: FAILPOINT_FAULTS }),
)

test(
  '[F30] storms of several faults at once, the table equals that of a run without faults',
  {
    skip,
    timeout: 900_000,
  },
  () => isWhole({ seed: 13, faults: FAULTS, once: false, minutes: 1, density: 4 }),
)

const numbers = [...new Set(FAULTS.map(({ number }) => number))].map((number) => `[${number}]`).join(' ')
test(`each fault once, the table equals that of a run without faults: ${numbers}`, { skip, timeout: 1_500_000 }, () =>
  isWhole({ seed: 12, faults: FAULTS }),
)

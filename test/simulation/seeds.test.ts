/** 5,000 worlds full of faults; the longer runs are `npm run simulate`. About two minutes of one core. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Failure, runSeeds } from './seeds.ts'

const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 5_000)

test(`[F30] ${SEEDS} seeds of at least 200 records and 10 faults lose, double, alter and forget nothing`, async (context) => {
  const failures: Failure[] = []
  const total = { seeds: 0, records: 0, faults: 0 }
  await runSeeds({ from: 1, to: SEEDS + 1 }, (chunk) => {
    failures.push(...chunk.failures)
    total.seeds += chunk.to - chunk.from
    total.records += chunk.records
    total.faults += chunk.faults
    return failures.length < 10
  })
  context.diagnostic(`${total.seeds} seeds, ${total.records} records, ${total.faults} faults`)
  assert.deepEqual(failures, [], 'again: npm run simulate -- --seed SEED --trace')
  assert.equal(total.seeds, SEEDS)
  assert.ok(total.records >= 200 * SEEDS && total.faults >= 10 * SEEDS)
})

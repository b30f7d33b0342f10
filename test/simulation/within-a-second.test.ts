/**
 * In worlds where nothing fails every log is stored within a second, each of them: on the simulation's clock, so that a wait of the
 * product that comes only now and then is seen, and a machine that is busy elsewhere is not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Plan, planOf } from './plan.ts'
import { WALL_START_MS } from './sim-process.ts'
import { simulate } from './simulate.ts'
import { UNCHANGED } from './world.ts'

const SEEDS = 200
/** By then the group has settled. */
const CALM_FROM_MS = 12_000
const LATE_MS = 1_000

/** No faults, and no transactions, which end when their producer likes. */
function calmPlan(seed: number): Plan {
  const plan = planOf(seed)
  const isCalm = ({ kind, atMs }: Plan['productions'][number]): boolean =>
    atMs > CALM_FROM_MS && kind !== 'committed' && kind !== 'aborted'
  return { ...plan, faults: [], productions: plan.productions.filter(isCalm) }
}

test(`where nothing fails every log is a row within a second, in ${SEEDS} seeds`, async (context) => {
  const ages: number[] = []
  const late: string[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = await simulate(calmPlan(seed), {
      ...UNCHANGED,
      seams: {
        store: (real, { schedule }) => ({
          commit: async (batch) => {
            const outcomes = await real.commit(batch)
            for (const { range, logs } of batch.ranges)
              for (const { event } of logs) {
                const producedMs = event.createdAt - WALL_START_MS
                if (producedMs <= CALM_FROM_MS) continue
                const ageMs = schedule.nowMs - producedMs
                ages.push(ageMs)
                if (ageMs > LATE_MS) late.push(`seed ${seed}: ${range.partition}:${event.offset} after ${ageMs} ms`)
              }
            return outcomes
          },
        }),
      },
    })
    assert.equal(violation, null)
  }
  const sorted = ages.toSorted((a, b) => a - b)
  context.diagnostic(`${ages.length} logs, half within ${sorted[ages.length >> 1]} ms, all within ${sorted.at(-1)} ms`)
  assert.ok(ages.length > 50 * SEEDS)
  assert.deepEqual(late, [])
})

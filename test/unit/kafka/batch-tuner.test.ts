import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchTuner } from '../../../src/kafka/batch-tuner.ts'

const bounds = { rowsMax: 5_000, bytesMax: 4 << 20, intervalMs: 50, ageTargetMs: 500 }

/** So many full batches, each stored after so long. */
function run(tuner: BatchTuner, batches: number, tookMs: (rows: number) => number, from = 0): number {
  let nowMs = from
  for (let done = 0; done < batches; done++) {
    const { rowsMax } = tuner.limits
    tuner.cut(rowsMax, nowMs)
    nowMs += tookMs(rowsMax)
    tuner.settled(nowMs)
  }
  return nowMs
}

test('a fast database leaves the bounds as they are', () => {
  const tuner = new BatchTuner(bounds)
  run(tuner, 20, () => 20)
  assert.deepEqual(tuner.limits, { rowsMax: 5_000, bytesMax: 4 << 20, intervalMs: 50 })
})

test('a slow one gets smaller batches, until one is stored within half of the goal; and larger ones when it is fast again', () => {
  const tuner = new BatchTuner(bounds)
  const end = run(tuner, 40, (rows) => rows * 0.2) // 5,000 rows take a second
  const { rowsMax, intervalMs } = tuner.limits
  assert.ok(rowsMax * 0.2 <= 260 && rowsMax * 0.2 >= 125, `${rowsMax} rows`)
  assert.ok(intervalMs >= 1 && intervalMs <= 50)
  run(tuner, 40, (rows) => rows * 0.004, end)
  assert.equal(tuner.limits.rowsMax, 5_000)
})

test('where every commit takes long, however small, rows stay at 100 and logs wait as little as can be', () => {
  const tuner = new BatchTuner(bounds)
  run(tuner, 60, () => 400)
  assert.equal(tuner.limits.rowsMax, 100)
  assert.equal(tuner.limits.intervalMs, 1)
})

test('far behind, the largest batches count', () => {
  const tuner = new BatchTuner(bounds)
  run(tuner, 60, () => 400)
  tuner.behind(60)
  assert.deepEqual([tuner.catchingUp, tuner.limits.rowsMax], [true, 5_000])
  tuner.behind(1)
  assert.deepEqual([tuner.catchingUp, tuner.limits.rowsMax], [false, 100])
})

test('the first log after a pause does not wait; in a steady stream the interval paces', () => {
  const tuner = new BatchTuner(bounds)
  assert.equal(tuner.mayHurry(0), true)
  tuner.cut(1, 1_000)
  tuner.settled(1_005)
  assert.equal(tuner.mayHurry(1_020), false)
  assert.equal(tuner.mayHurry(1_050), true)
  tuner.cut(1, 2_000)
  tuner.behind(60)
  assert.equal(tuner.mayHurry(2_001), true, 'far behind, an idle database is the only waste')
})

test('bounds below the least are kept', () => {
  const tuner = new BatchTuner({ ...bounds, rowsMax: 10 })
  run(tuner, 30, () => 10_000)
  assert.equal(tuner.limits.rowsMax, 10)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchTuner } from '../../../src/kafka/batch-tuner.ts'
import { DEADLINE_MS } from '../../../src/postgres/connection.ts'

const bounds = { rowsMax: 20_000, bytesMax: 4 << 20, intervalMs: 50, ageTargetMs: 500 }

interface Stored {
  readonly rows: number
  /** Without the wait for the batch before it. */
  readonly tookMs: number
}

/** So many full batches, each stored after so long, one cut while the one before it is being stored. */
function run(tuner: BatchTuner, batches: number, storingMs: (rows: number) => number, from = 0): Stored[] {
  const stored: Stored[] = []
  const open: { rows: number; tookMs: number; endMs: number }[] = []
  let nowMs = from
  let freeMs = from
  const settle = (): void => {
    const batch = open.shift()
    if (batch === undefined) return
    nowMs = Math.max(nowMs, batch.endMs)
    tuner.settled(0, nowMs)
    stored.push(batch)
  }
  for (let done = 0; done < batches; done++) {
    const { rowsMax: rows } = tuner.limits
    tuner.cut(0, rows, nowMs)
    const tookMs = storingMs(rows)
    freeMs = Math.max(freeMs, nowMs) + tookMs
    open.push({ rows, tookMs, endMs: freeMs })
    if (open.length === 2) settle()
  }
  settle()
  return stored
}

const slowest = (stored: readonly Stored[]): number => Math.max(...stored.map(({ tookMs }) => tookMs))
const fast = (rows: number): number => 2 + rows * 0.006
const catchingUp = (): BatchTuner => {
  const tuner = new BatchTuner(bounds)
  tuner.behind(60)
  return tuner
}

test('a fast database gets the largest batches within two dozen, from a thousand rows', () => {
  for (const tuner of [new BatchTuner(bounds), catchingUp()]) {
    assert.equal(tuner.limits.rowsMax, 1_000)
    run(tuner, 24, (rows) => rows * 0.004)
    assert.deepEqual(tuner.limits, { rowsMax: 20_000, bytesMax: 4 << 20, intervalMs: 50 })
  }
})

test('a slow one gets smaller batches, until one is stored within half of the goal; and larger ones when it is fast again', () => {
  const tuner = new BatchTuner(bounds)
  const stored = run(tuner, 60, (rows) => rows * 0.2).slice(20) // 20,000 rows would take 4 s
  assert.ok(stored.every(({ tookMs }) => tookMs <= 380))
  assert.ok(stored.reduce((sum, { tookMs }) => sum + tookMs, 0) / stored.length >= 100)
  run(tuner, 60, (rows) => rows * 0.004, 1e6)
  assert.equal(tuner.limits.rowsMax, 20_000)
})

test('a database that takes a millisecond a row never comes near the deadline, also when catching up', () => {
  for (const tuner of [new BatchTuner(bounds), catchingUp()]) {
    const stored = run(tuner, 100, (rows) => rows)
    assert.ok(slowest(stored) <= DEADLINE_MS / 5, `${slowest(stored)} ms`)
    const later = stored.slice(30)
    assert.ok(slowest(later) <= 2_000, `${slowest(later)} ms`)
    const rows = later.reduce((sum, each) => sum + each.rows, 0) / later.length
    assert.ok(rows >= 100, `${rows} rows`)
  }
})

test('one that becomes slow under the largest batches gets batches of a second within a few', () => {
  const tuner = catchingUp()
  run(tuner, 40, fast)
  assert.equal(tuner.limits.rowsMax, 20_000)
  const stored = run(tuner, 30, (rows) => rows * 0.5, 1e6)
  assert.ok(slowest(stored.slice(6)) <= 2_000, stored.map(({ tookMs }) => Math.round(tookMs)).join(' '))
})

test('where every commit takes long, however small, rows are not the reason and batches grow', () => {
  for (const fixedMs of [150, 300, 500, 600]) {
    for (const tuner of [new BatchTuner(bounds), catchingUp()]) {
      run(tuner, 80, (rows) => fixedMs + rows * 0.003)
      assert.equal(tuner.limits.rowsMax, 20_000, `${fixedMs} ms`)
    }
  }
})

test('where commits take long and logs trickle in, a burst still finds a batch that grows', () => {
  const tuner = new BatchTuner(bounds)
  for (let nowMs = 0; nowMs < 60_000; nowMs += 600) {
    tuner.cut(0, 20, nowMs)
    tuner.settled(0, nowMs + 500)
  }
  assert.equal(tuner.limits.intervalMs, 1, 'logs wait as little as can be')
  run(tuner, 80, (rows) => 500 + rows * 0.003, 1e6)
  assert.equal(tuner.limits.rowsMax, 20_000)
})

test('an outage takes at most three quarters of the size, and a few batches bring them back', () => {
  const tuner = catchingUp()
  run(tuner, 40, fast)
  tuner.cut(0, 20_000, 1e6)
  tuner.settled(0, 1e6 + 60_000)
  assert.equal(tuner.limits.rowsMax, 5_000)
  run(tuner, 12, fast, 2e6)
  assert.equal(tuner.limits.rowsMax, 20_000)
})

test('a batch that was cut before the last change is not held against it', () => {
  const tuner = catchingUp()
  tuner.cut(0, 1_000, 0)
  tuner.cut(0, 1_000, 10)
  tuner.cut(0, 1_000, 20)
  tuner.settled(0, 4_000)
  assert.equal(tuner.limits.rowsMax, 250)
  tuner.settled(0, 4_100)
  tuner.settled(0, 4_200)
  assert.equal(tuner.limits.rowsMax, 250)
})

test('far behind, a batch may take a second', () => {
  const [steady, far] = [new BatchTuner(bounds), catchingUp()]
  for (const tuner of [steady, far]) run(tuner, 60, (rows) => rows * 0.05)
  assert.equal(steady.catchingUp, false)
  assert.equal(far.catchingUp, true)
  assert.ok(steady.limits.rowsMax * 0.1 <= 380, `${steady.limits.rowsMax} rows`)
  assert.ok(far.limits.rowsMax >= 2 * steady.limits.rowsMax, `${far.limits.rowsMax}, ${steady.limits.rowsMax} rows`)
})

test('the first log after a pause does not wait; in a steady stream the interval paces', () => {
  const tuner = new BatchTuner(bounds)
  assert.equal(tuner.mayHurry(0, 0), true)
  tuner.cut(0, 1, 1_000)
  tuner.settled(0, 1_005)
  assert.equal(tuner.mayHurry(0, 1_020), false)
  assert.equal(tuner.mayHurry(0, 1_050), true)
  tuner.cut(0, 1, 2_000)
  tuner.behind(60)
  assert.equal(tuner.mayHurry(0, 2_001), true, 'far behind, an idle database is the only waste')
})

test('bounds below the least are kept', () => {
  const tuner = new BatchTuner({ ...bounds, rowsMax: 10 })
  run(tuner, 30, () => 10_000)
  assert.equal(tuner.limits.rowsMax, 10)
})

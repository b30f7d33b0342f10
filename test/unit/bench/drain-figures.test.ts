import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainFigures, type Mark } from '../../../src/bench/drain-figures.ts'

const mark = (atMs: number, rows: number, cpuSeconds: number | null = null): Mark => ({ atMs, rows, cpuSeconds })

test('the rate of the whole is from the first rows on, the slowest tenth is one after the first', () => {
  const marks = [mark(100, 0, 1), mark(1000, 10, 2), mark(1100, 20, 2.5), mark(1300, 30, 3), mark(1700, 40, 5)]
  assert.deepEqual(drainFigures(marks), {
    rowsPerSecond: 25,
    slowestTenth: 10 / 0.4,
    cpuSecondsPerMillion: 100_000,
  })
})

test('a batch that brings several tenths at once is one step, not one that took its time for nothing', () => {
  const marks = [mark(0, 5), mark(100, 10), mark(200, 35), mark(201, 35), mark(202, 35), mark(300, 45)]
  assert.equal(drainFigures(marks).slowestTenth, 100)
})

test('of two steps or fewer there is no tenth after the first: it is the rate of the whole', () => {
  const { rowsPerSecond, slowestTenth, cpuSecondsPerMillion } = drainFigures([
    mark(0, 10),
    mark(100, 20),
    mark(101, 20),
  ])
  assert.deepEqual([rowsPerSecond, slowestTenth, cpuSecondsPerMillion], [100, 100, null])
  assert.throws(() => drainFigures([]), RangeError)
})

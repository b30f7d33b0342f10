import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Positions, Progress } from '../../chaos/progress.ts'

/** A ledger that stands, look after look, where the table says; the last row stays. Each look takes 1 s. */
function looks(table: readonly (readonly number[] | 'away')[], ends: readonly number[]) {
  let [nowMs, at] = [0, 0]
  const positions = (row: readonly number[]): Positions => new Map(row.map((next, part) => [part, next]))
  const progress = new Progress({
    ledger: async () => {
      nowMs += 1_000
      const row = table[Math.min(at++, table.length - 1)] ?? []
      if (row === 'away') throw new Error('connection refused')
      return positions(row)
    },
    ends: async () => positions(ends),
    clock: () => nowMs,
    pause: async () => undefined,
  })
  return { progress, asked: () => at }
}

test('harm is over when every partition has moved on', async () => {
  const { progress } = looks(['away', [5, 5], [6, 5], [7, 5], [7, 6]], [99, 99])
  assert.deepEqual(await progress.recovery(), { ms: 5_000, stood: [] })
})

test('a partition with nothing left to store need not move', async () => {
  const { progress } = looks(
    [
      [5, 9],
      [6, 9],
    ],
    [99, 9],
  )
  assert.deepEqual(await progress.recovery(), { ms: 2_000, stood: [] })
})

test('those that stand for the whole patience are named', async () => {
  const { progress } = looks(
    [
      [5, 5],
      [6, 5],
    ],
    [99, 99],
  )
  const { ms, stood } = await progress.recovery()
  assert.deepEqual(stood, [1])
  assert.ok(ms >= 90_000)
})

test('a ledger that nobody can ask for the whole patience has not moved', async () => {
  const { progress } = looks([[5, 5], 'away'], [99, 99])
  assert.deepEqual((await progress.recovery()).stood, [0, 1])
})

test('one look serves everybody who waits', async () => {
  const { progress, asked } = looks([[5], [5], [6]], [99])
  const all = await Promise.all([progress.recovery(), progress.recovery(), progress.recovery()])
  assert.deepEqual(
    all.map(({ stood }) => stood),
    [[], [], []],
  )
  assert.ok(asked() <= 4, `${asked()} looks`)
})

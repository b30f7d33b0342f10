import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepRetention } from '../../../src/commands/retention.ts'

test('retention goes on after a failure that it told, and ends with the worker', async () => {
  const stop = new AbortController()
  const [slept, purged, warned]: [number[], object[], string[]] = [[], [], []]
  let sweeps = 0
  await keepRetention(
    {
      purge: async () => {
        sweeps++
        if (sweeps === 2) throw new Error('permission denied')
        return { byAge: sweeps, bySize: 0 }
      },
      events: { deadLettersPurged: (what) => void purged.push(what), warning: (text) => void warned.push(text) },
      sleep: async (ms) => {
        slept.push(ms)
        if (slept.length < 4) return
        stop.abort()
        throw new Error('aborted')
      },
      random: () => 0.5,
    },
    stop.signal,
  )
  assert.deepEqual(slept, [30_000, 300_000, 300_000, 300_000])
  assert.deepEqual(purged, [
    { byAge: 1, bySize: 0 },
    { byAge: 3, bySize: 0 },
  ])
  assert.deepEqual(warned, ['the retention of dead letters: permission denied'])
})

/** A flood of dead letters, ten minutes of nothing else: few lines, one alert, and an end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FloodWatch } from '../../src/telemetry/flood-watch.ts'
import { createTelemetry } from '../../src/telemetry.ts'
import { readyRange, rejectAt } from '../support/ready-ranges.ts'

const SECOND_MS = 1_000

test('ten minutes of nothing but dead letters: one line a kind in ten seconds, the alert from the start to a minute after', async () => {
  let nowMs = 5_000
  const lines: { atMs: number; line: string }[] = []
  const telemetry = createTelemetry({
    format: 'text',
    logsPerSecondMax: 20,
    write: (text) => lines.push({ atMs: nowMs, line: text.trim() }),
    clock: () => nowMs,
    now: () => nowMs,
    version: '1',
  })
  let offset = 0
  const store = (bad: boolean): void => {
    const count = 50
    const rejects = bad
      ? Array.from({ length: count }, (_, i) => rejectAt(offset + i, { reason: i % 2 === 0 ? 'bad_json' : 'binary' }))
      : []
    const ready = readyRange({ from: offset, count }, bad ? { rejects, logs: [] } : {})
    offset += count
    const { range } = ready
    const outcomes = [{ kind: 'committed' as const, range, refused: [], logIds: null }]
    telemetry.batchFinished({ batch: { lane: 0, ranges: [ready] }, outcomes, durationMs: 5 })
  }
  const gauge = async (name: string): Promise<number> =>
    Number(new RegExp(`^insighthub_${name} (\\S+)$`, 'm').exec(await telemetry.metricsText())?.[1])
  for (let second = 0; second < 120; second++, nowMs += SECOND_MS) store(false)
  assert.equal(await gauge('dead_letter_flood'), 0)
  const floodFromMs = nowMs
  for (let second = 0; second < 600; second++, nowMs += SECOND_MS) {
    store(true)
    telemetry.lag([])
    if (second === 61) assert.deepEqual([await gauge('dead_letter_flood'), await gauge('dead_letter_share')], [1, 1])
  }
  assert.equal(await gauge('dead_letter_flood'), 1)
  for (const kind of ['bad_json', 'binary']) {
    const times = lines.filter(({ line }) => line.includes(`: ${kind}`)).map(({ atMs }) => atMs)
    assert.ok(times.length >= 55 && times.length <= 61, `${times.length} lines of ${kind} in 600 s`)
    for (const [at, atMs] of times.entries()) assert.ok(at === 0 || atMs - (times[at - 1] ?? 0) >= 10_000)
  }
  const told = lines.filter(({ line }) => line.includes('flood of dead letters'))
  assert.equal(told.length, 1)
  assert.ok((told[0]?.atMs ?? 0) - floodFromMs <= 45_000, 'told within the minute')
  for (let second = 0; second < 70; second++, nowMs += SECOND_MS) store(false)
  assert.equal(await gauge('dead_letter_flood'), 0)
  assert.equal(lines.filter(({ line }) => line.includes('flood of dead letters is over')).length, 1)
})

test('a few bad messages on a quiet topic are no flood', () => {
  const flood = new FloodWatch(() => 0)
  flood.add(0, 99)
  assert.deepEqual(flood.look(), { share: 1, flooding: false, turned: false })
  flood.add(0, 1)
  assert.deepEqual(flood.look(), { share: 1, flooding: true, turned: true })
})

test('a flood ends by itself when nothing comes any more', () => {
  let nowMs = 0
  const flood = new FloodWatch(() => nowMs)
  flood.add(10, 1_000)
  assert.equal(flood.look().flooding, true)
  nowMs = 59_000
  assert.equal(flood.look().flooding, true)
  nowMs = 61_000
  assert.deepEqual(flood.look(), { share: 0, flooding: false, turned: true })
  nowMs = 1e9
  assert.deepEqual(flood.look(), { share: 0, flooding: false, turned: false })
})

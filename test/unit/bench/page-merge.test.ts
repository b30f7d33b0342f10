import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Figure, NOTHING } from '../../../src/bench/figures.ts'
import { page } from '../../../src/bench/page.ts'
import { mergedPage, sameWorld } from '../../../src/bench/page-merge.ts'
import { NO_FIGURES, type Report } from '../../../src/bench/report.ts'

const nothing: Report = {
  machine: '2 x CPU',
  node: '24.0.0',
  postgres: 'PostgreSQL 15',
  broker: 'Apache Kafka 4.3.1',
  rows: 1000,
  rounds: 2,
  all: NO_FIGURES,
  stages: null,
  costs: null,
  hotspots: null,
  latency: null,
  small: null,
  drain: null,
  sweeps: [],
  notes: [],
}
const at = (rowsPerSecond: number, cpuSecondsPerMillion = 5): Figure => ({
  ...NOTHING,
  rowsPerSecond,
  cpuSecondsPerMillion,
})
const small = { idleCpuShare: 0.02, idleRssMb: 150, firstRowMs: 900, singleMs: { p50: 5, max: 20, logs: 20 } }
const sweep = (name: 'table' | 'backlog', costs: number[]) => ({
  name,
  points: costs.map((cost, i) => ({ value: String(i), bytes: 236, figure: at(100, cost) })),
})
const old = page({
  ...nothing,
  all: { ...NO_FIGURES, service: [at(90)] },
  small,
  sweeps: [sweep('table', [5, 10]), sweep('backlog', [5, 5])],
})

test('what was measured again replaces its section and its goals, the rest of the page stays to the letter', () => {
  const fresh = page({ ...nothing, rows: 77, small: { ...small, idleRssMb: 111 }, sweeps: [sweep('table', [5, 5.2])] })
  const merged = mergedPage(old, fresh)
  assert.match(merged, /takes 2\.00 % of a core and 111 MB/)
  assert.doesNotMatch(merged, /150 MB/)
  assert.match(merged, /\| RSS idle \| at most 120 MB \| 111 MB \| met \|/)
  assert.match(merged, /\| flat over table \| at most 20\.0 % \| 2\.0 % \| met \|/)
  assert.match(merged, /\| flat over backlog \| at most 20\.0 % \| 0\.0 % \| met \|/)
  assert.match(merged, /the whole service.*\| 90 \|/)
  assert.match(merged, /rounds of 1,000 logs/) // the head tells of the parts, which stayed
  const titles = (text: string) => [...text.matchAll(/^## (.*)$/gm)].map((match) => match[1])
  assert.deepEqual(titles(merged), titles(old))
})

test('a page merged with itself is itself, and a new section comes last', () => {
  assert.equal(mergedPage(old, old), old)
  const drain = {
    backlog: 10,
    arriving: 1,
    rowsPerSecond: 9,
    slowestTenth: 8,
    steadyRowsPerSecond: 10,
    caughtUpSeconds: 2,
    cpuSecondsPerMillion: null,
    peakRssMb: 200,
  }
  const merged = mergedPage(old, page({ ...nothing, drain }))
  assert.match(merged, /## Sweep: backlog[\s\S]*## Catching up\n\nA backlog of 10 logs.*\n$/)
  assert.match(merged, /\| a backlog drained, to the steady rate \| at least 0\.85 \| 0\.90 \| met \|/)
})

test('figures of another machine or another version are told apart', () => {
  assert.equal(sameWorld(old, nothing), true)
  assert.equal(sameWorld(old, { ...nothing, machine: '4 x CPU' }), false)
  assert.equal(sameWorld(old, { ...nothing, postgres: 'PostgreSQL 18' }), false)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Costs, costShare } from '../../../src/bench/costs.ts'
import { type Figure, NOTHING } from '../../../src/bench/figures.ts'
import { goalsOf, ratioOf } from '../../../src/bench/goals.ts'
import { benchLog } from '../../../src/bench/logs.ts'
import { page } from '../../../src/bench/page.ts'
import { NO_FIGURES, type Report } from '../../../src/bench/report.ts'
import { Random } from '../../../src/demo/random.ts'

const at = (rowsPerSecond: number): Figure => ({ ...NOTHING, rowsPerSecond, cpuSecondsPerMillion: 5 })
const costs: Costs = {
  all: at(90),
  without: {
    'exactly once': at(100),
    aggregates: at(90),
    explanation: at(90),
    'all three': at(100),
    'dead letters': at(81),
  },
}
const report: Report = {
  machine: '2 x CPU',
  node: '24.0.0',
  postgres: 'PostgreSQL 15',
  broker: 'Apache Kafka 4.3.1',
  rows: 1000,
  rounds: 2,
  all: { ...NO_FIGURES, 'psql-text': [at(100), at(200)], service: [at(90), at(120)] },
  stages: null,
  costs,
  hotspots: null,
  latency: {
    rate: 10_000,
    seconds: 30,
    logs: 5,
    p50: 20,
    p99: 60,
    p999: 80,
    max: 120,
    sendP50: 4,
    sendP99: 9,
    workerCpuShare: 0.125,
  },
  small: null,
  drain: {
    backlog: 2_500_000,
    arriving: 10_000,
    rowsPerSecond: 90,
    slowestTenth: 80,
    steadyRowsPerSecond: 120,
    caughtUpSeconds: 20,
    cpuSecondsPerMillion: 4.5,
    peakRssMb: 240,
  },
  sweeps: [{ name: 'services', points: [{ value: 'lz4', bytes: 236, figure: at(100) }] }],
  notes: ['something is missing'],
}

test('the page has a section for what was measured and none for what was not', () => {
  const text = page(report)
  assert.deepEqual(
    [...text.matchAll(/^## (.*)$/gm)].map((match) => match[1]),
    ['Goals', 'Parts', 'Cost of the promises', 'Latency', 'Catching up', 'Sweep: services', 'Notes'],
  )
  assert.match(
    text,
    /p50 20 ms, p99 60 ms, p99\.9 80 ms, max 120 ms\. .*p50 4 ms, p99 9 ms\. The worker took 12\.5 % of a core/,
  )
  assert.match(text, /the whole service.*\| 105 \| 90 \.\. 120 \| 0\.75 \|/)
  assert.match(text, /2,500,000 logs, while 10,000 a second arrived .* at 90 rows\/s, 0\.75 of the 120 /)
  assert.match(text, /\n- something is missing\n/)
  assert.doesNotMatch(text, /NaN|undefined|null/)
})

test('a ratio to psql is of the same round', () => {
  assert.equal(ratioOf(report, 'service', 'psql-text'), 0.75)
  assert.equal(ratioOf(report, 'sink-1', 'psql-text'), null)
})

test('a promise costs what the store is faster without it; dead letters, what it is slower with them', () => {
  assert.equal(costShare(costs, 'exactly once').toFixed(2), '0.10')
  assert.equal(costShare(costs, 'aggregates'), 0)
  assert.equal(costShare(costs, 'dead letters').toFixed(2), '0.10')
})

test('the logs of the benchmark have the shape that is asked for', () => {
  const random = new Random(1)
  const logs = Array.from({ length: 2_000 }, (_, index) => benchLog(random, index, { services: 50, bytes: 1_000 }))
  const mean = logs.reduce((sum, log) => sum + log.length, 0) / logs.length
  assert.ok(Math.abs(mean - 1_000) < 20, `${mean} bytes`)
  assert.equal(new Set(logs.map((log) => JSON.parse(log.toString()).service)).size, 50)
  const broken = Array.from({ length: 2_000 }, (_, index) =>
    benchLog(random, index, { services: 8, brokenPerThousand: 3 }),
  ).filter((log) => !log.toString().endsWith('}'))
  assert.equal(broken.length, 6)
})

test('goals are told of what was measured, met and missed', () => {
  const goals = new Map(goalsOf(report).map((goal) => [goal.name, goal]))
  assert.deepEqual(goals.get('whole service to psql text'), {
    name: 'whole service to psql text',
    goal: 'at least 0.90',
    measured: '0.75',
    met: false,
  })
  assert.equal(goals.get('age p99, steady')?.met, true)
  assert.equal(goals.get('promises together, of throughput')?.measured, '20.0 %')
  assert.equal(goals.get('flat over services')?.met, true)
  assert.equal(goals.get('a backlog drained, to the steady rate')?.met, false)
  assert.equal(goals.get('RSS idle'), undefined)
})

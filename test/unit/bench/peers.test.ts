import assert from 'node:assert/strict'
import { test } from 'node:test'
import { comparisonPage, comparisonTable, lead, OURS, type PeerResult } from '../../../bench/peers/table.ts'

const result = (name: string, rowsPerSecond: number, killed: PeerResult['killed']): PeerResult => ({
  name,
  figure: {
    rows: 1_000,
    rowsPerSecond,
    cpuSecondsPerMillion: 4.25,
    postgresCpuSecondsPerMillion: null,
    peakRssMb: 1_475,
  },
  killed,
})
const results = [
  result('psql \\copy', 100_000, null),
  result('a', 90_000, { rows: 1_000, killedAt: 500, lost: 0, twice: 12 }),
  result('b', 900, null),
]

test('the comparison tells ratios to psql, finer where they are small, and what a kill cost', () => {
  const lines = comparisonTable({ results }).split('\n')
  assert.equal(lines[3], '| a | 90,000 | 0.90 | 4.3 |  | 1,475 | 0 / 12 of 1,000 |')
  assert.equal(lines[4], '| b | 900 | 0.009 | 4.3 |  | 1,475 |  |')
})

test('without psql there are no ratios, and what was left out is told', () => {
  const text = comparisonPage({
    machine: '2 x CPU',
    versions: 'Node 24',
    rows: 1_000,
    results: results.slice(1),
    notes: ['left out: Telegraf: go is not on PATH'],
  })
  assert.match(text, /^\| a \| 90,000 \| {2}\| 4\.3/m)
  assert.match(text, /\n- left out: Telegraf: go is not on PATH\n/)
  assert.doesNotMatch(text, /NaN|undefined|null/)
})

test('this program is compared with the fastest of the others, and psql is none of them', () => {
  const own = result(`${OURS}, scored`, 45_000, null)
  assert.deepEqual(lead({ results: [...results, own] }), { ratio: 0.5, other: 'a' })
  assert.equal(lead({ results }), null)
})

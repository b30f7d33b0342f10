import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOTHING } from '../../../src/bench/figures.ts'
import { pointCost, SWEEPS, sweepPoints, sweepTable } from '../../../src/bench/sweeps.ts'

test('every sweep varies one thing and leaves the rest as usual', () => {
  for (const name of SWEEPS) {
    const points = sweepPoints(name, 100_000)
    assert.ok(points.length >= 2, name)
    const varied = ['partitions', 'codec', 'shape', 'batchRowsMax', 'tableRows', 'workers'].filter(
      (key) => new Set(points.map((point) => JSON.stringify(Reflect.get(point, key)))).size > 1,
    )
    assert.ok(varied.length <= 1, `${name}: ${varied}`)
    assert.equal(new Set(points.map(({ value }) => value)).size, points.length, name)
    assert.ok(
      points.every(({ rows }) => rows >= 1_000),
      name,
    )
  }
})

test('the cost of a log is the worker and PostgreSQL together, a KiB where the size varies', () => {
  const point = {
    value: 'x',
    bytes: 512,
    figure: { ...NOTHING, cpuSecondsPerMillion: 4, postgresCpuSecondsPerMillion: 6 },
  }
  assert.equal(pointCost('codec', point), 10)
  assert.equal(pointCost('size', point), 20)
})

test('the table of a sweep tells how far each point lies from the middle', () => {
  const at = (value: string, cost: number) => ({
    value,
    bytes: 200,
    figure: { ...NOTHING, rowsPerSecond: 1000, cpuSecondsPerMillion: cost },
  })
  const text = sweepTable({ name: 'codec', points: [at('none', 9), at('lz4', 10), at('zstd', 13)] })
  const lines = text.split('\n')
  assert.equal(lines.length, 5)
  assert.match(lines[2] ?? '', /^\| none .*\| 9\.00 \| -10 % \|$/)
  assert.match(lines[4] ?? '', /^\| zstd .*\| 13\.00 \| \+30 % \|$/)
})

test('the longest backlog and the largest table can be asked for', () => {
  const values = (name: 'backlog' | 'table', to: number | null) =>
    sweepPoints(name, 100_000, to).map(({ value }) => value)
  assert.deepEqual(values('backlog', 10_000_000), ['20,000', '100,000', '500,000', '10,000,000'])
  assert.deepEqual(values('backlog', 100_000), ['20,000', '100,000'])
  assert.deepEqual(values('table', 50_000_000), ['0', '1,000,000', '5,000,000', '50,000,000'])
  assert.deepEqual(values('table', null), ['0', '1,000,000', '5,000,000'])
})

test('the sweep over sizes tells what a log costs and what a KiB of it', () => {
  const points = [256, 1024, 4096].map((bytes) => ({
    value: `${bytes} B`,
    bytes,
    figure: { ...NOTHING, cpuSecondsPerMillion: 2, postgresCpuSecondsPerMillion: 6 + (bytes / 1024) * 10 },
  }))
  const text = sweepTable({ name: 'size', points })
  assert.match(text, /\| 1024 B .*\| 18\.00 \| .* \| \+0 % \|/)
  assert.match(text, /A log costs 8\.00 µs and each KiB of it 10\.00 µs/)
  assert.doesNotMatch(sweepTable({ name: 'codec', points }), /from the line|each KiB/)
})

test('a point whose CPU could not be read has no cost, and does not spoil the middle', () => {
  const at = (value: string, cost: number | null) => ({
    value,
    bytes: 200,
    figure: { ...NOTHING, rowsPerSecond: 1000, cpuSecondsPerMillion: cost },
  })
  const text = sweepTable({ name: 'codec', points: [at('none', null), at('lz4', 10), at('zstd', 10)] })
  assert.doesNotMatch(text, /NaN/)
  assert.match(text, /\| zstd .*\| \+0 % \|$/)
})

test('what psql took for the same rows stands beside the service, where it was measured', () => {
  const at = (value: string, psqlCpuSecondsPerMillion: number | null) => ({
    value,
    bytes: 200,
    figure: { ...NOTHING, cpuSecondsPerMillion: 4, postgresCpuSecondsPerMillion: 6 },
    psqlCpuSecondsPerMillion,
  })
  const [header, , first, second] = sweepTable({ name: 'services', points: [at('10', 4.5), at('100', null)] }).split(
    '\n',
  )
  assert.match(header ?? '', /PostgreSQL CPU-s\/M \| its CPU-s\/M for psql binary \| peak RSS MB/)
  assert.match(first ?? '', /\| 6\.00 \| 4\.50 \|/)
  assert.match(second ?? '', /\| 6\.00 \| +\|/)
  assert.doesNotMatch(sweepTable({ name: 'services', points: [at('10', null)] }), /psql/)
})

test('the table of workers says that they share the cores', () => {
  const figure = { ...NOTHING, cpuSecondsPerMillion: 4 }
  assert.match(sweepTable({ name: 'workers', points: [{ value: '1', bytes: 200, figure }] }), /share the cores/)
})

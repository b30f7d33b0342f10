import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergedMetrics } from '../../../src/workers/merged-metrics.ts'

test('each family stands once, with the samples of every worker under it', () => {
  const page = (n: number): string =>
    `# HELP a_total Of all\n# TYPE a_total counter\na_total ${n}\n\n# HELP b Age\n# TYPE b histogram\nb_bucket{le="1"} ${n}\nb_sum ${n}\nb_empty{} 0\n`
  const merged = mergedMetrics(
    new Map([
      ['1', page(10)],
      ['2', page(20)],
    ]),
  )
  assert.deepEqual(merged.split('\n'), [
    '# HELP a_total Of all',
    '# TYPE a_total counter',
    'a_total{worker="1"} 10',
    'a_total{worker="2"} 20',
    '# HELP b Age',
    '# TYPE b histogram',
    'b_bucket{worker="1",le="1"} 10',
    'b_sum{worker="1"} 10',
    'b_empty{worker="1"} 0',
    'b_bucket{worker="2",le="1"} 20',
    'b_sum{worker="2"} 20',
    'b_empty{worker="2"} 0',
    '',
  ])
})

test('a family that only a later worker has comes with its head', () => {
  const merged = mergedMetrics(
    new Map([
      ['1', '# TYPE a gauge\na 1\n'],
      ['2', '# TYPE a gauge\na 2\n# HELP c C\n# TYPE c gauge\nc{p="x y{"} 3\n'],
    ]),
  )
  assert.equal(
    merged,
    '# TYPE a gauge\na{worker="1"} 1\na{worker="2"} 2\n# HELP c C\n# TYPE c gauge\nc{worker="2",p="x y{"} 3\n',
  )
})

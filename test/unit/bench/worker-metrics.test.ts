import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loopDelayOf, RESOLUTION_MS, sumOf, valuesOf } from '../../../src/bench/worker-metrics.ts'
import { SELDOM } from '../../../src/telemetry/sampling.ts'

const PAGE = `# HELP nodejs_gc_duration_seconds x
nodejs_gc_duration_seconds_sum{kind="minor"} 1.5
nodejs_gc_duration_seconds_sum{kind="major",worker="2"} 0.25
nodejs_gc_duration_seconds_sum_of_another 7
nodejs_eventloop_lag_p50_seconds{worker="1"} 0.0505
nodejs_eventloop_lag_p50_seconds{worker="2"} 0.052
nodejs_eventloop_lag_p99_seconds 0.07
nodejs_eventloop_lag_max_seconds 0.15
process_cpu_seconds_total 12
`

test('values of a metric are found under all labels, and those of longer names are not', () => {
  assert.deepEqual(valuesOf(PAGE, 'nodejs_gc_duration_seconds_sum'), [1.5, 0.25])
  assert.equal(sumOf(PAGE, 'nodejs_gc_duration_seconds_sum'), 1.75)
  assert.equal(sumOf(PAGE, 'process_cpu_seconds_total'), 12)
  assert.equal(sumOf(PAGE, 'nothing'), 0)
})

test('the delay of the loop is the worst worker, without the interval of its own timer', () => {
  const delay = loopDelayOf(PAGE)
  assert.deepEqual(
    Object.values(delay ?? {}).map((ms) => Math.round(ms)),
    [2, 20, 100],
  )
  assert.equal(loopDelayOf('up 1\n'), null)
  assert.equal(RESOLUTION_MS, SELDOM.eventLoopMonitoringPrecision)
})

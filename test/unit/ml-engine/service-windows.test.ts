import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Level, LogEvent } from '../../../src/log.ts'
import { ServiceWindows } from '../../../src/ml-engine/service-windows.ts'
import { eventAt, STREAM_START_MS } from '../../support/log-stream.ts'

const log = (afterMs: number, service: string, latencyMs: number | null = 10, level: Level = 'INFO'): LogEvent =>
  eventAt(afterMs, { service, latencyMs, level })

test('counts, mean, deviation and extremes are those of the last 30 buckets, in any order of arrival', () => {
  const sent = fc.array(
    fc.tuple(fc.nat(900_000), fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })), fc.boolean()),
    { minLength: 1, maxLength: 200 },
  )
  fc.assert(
    fc.property(sent, (logs) => {
      const windows = new ServiceWindows(10)
      for (const [afterMs, latencyMs, bad] of logs)
        windows.add(log(afterMs, 'a', latencyMs, bad ? 'ERROR' : 'INFO'), STREAM_START_MS + 900_000)
      const newest = Math.max(...logs.map(([afterMs]) => afterMs))
      const bucket = (afterMs: number): number => Math.floor((STREAM_START_MS + afterMs) / 10_000)
      const inside = logs.filter(([afterMs]) => bucket(afterMs) > bucket(newest) - 30)
      const stats = windows.of('a', STREAM_START_MS + 900_000)
      assert.ok(stats !== null)
      assert.equal(stats.logs, inside.length)
      assert.equal(stats.errors, inside.filter(([, , bad]) => bad).length)
      const latencies = inside.map(([, latencyMs]) => latencyMs).filter((each) => each !== null)
      if (latencies.length === 0) return assert.deepEqual([stats.latencyMean, stats.latencyLowest], [0, 0])
      const mean = latencies.reduce((sum, each) => sum + each, 0) / latencies.length
      const variance = latencies.reduce((sum, each) => sum + (each - mean) ** 2, 0) / latencies.length
      const close = (a: number, b: number): void =>
        assert.ok(Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b)), `${a} ${b}`)
      close(stats.latencyMean, mean)
      close(stats.latencyDeviation, Math.sqrt(variance))
      assert.equal(stats.latencyLowest, Math.min(...latencies))
      assert.equal(stats.latencyHighest, Math.max(...latencies))
    }),
  )
})

test('an hour that is replayed has its own now, which flows on with the clock', () => {
  const windows = new ServiceWindows(10)
  const arrivalMs = STREAM_START_MS + 86_400_000
  windows.add(log(0, 'a'), arrivalMs)
  windows.add(log(60_000, 'a'), arrivalMs)
  assert.equal(windows.of('a', arrivalMs + 1_000)?.logs, 2)
  assert.equal(windows.of('a', arrivalMs + 250_000)?.logs, 1)
  assert.equal(windows.of('a', arrivalMs + 400_000)?.logs, 0)
})

test('twenty thousand names keep within the limit; those that logged lately stay, and silent ones make room', () => {
  const windows = new ServiceWindows(50)
  for (let i = 0; i < 50; i++) windows.add(log(0, `service ${i}`), STREAM_START_MS)
  for (let i = 0; i < 20_000; i++) windows.add(log(1_000, `junk ${i}`), STREAM_START_MS + 1_000)
  assert.equal(windows.size, 50)
  assert.equal(windows.of('service 7', STREAM_START_MS + 1_000)?.logs, 1)
  assert.equal(windows.of('junk 7', STREAM_START_MS + 1_000), null)
  assert.equal(windows.around(log(1_000, 'junk 7')).logs, 20_000, 'they share one window')
  windows.add(log(400_000, 'late'), STREAM_START_MS + 400_000)
  assert.equal(windows.of('late', STREAM_START_MS + 400_000)?.logs, 1)
  assert.equal(windows.of('service 7', STREAM_START_MS + 400_000), null)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScoringEngine } from '../../../src/ml-engine/engine.ts'

test('with the profile for metrics the engine judges values in both directions, and goes on from its own snapshot only', () => {
  let nowMs = 1_767_225_600_000
  const options = { servicesMax: 10, threshold: 0.65, now: () => nowMs, failed: assert.ifError }
  const metrics = new ScoringEngine({ ...options, profile: 'metrics' })
  const value = (latency_ms: number) => {
    nowMs += 60_000
    return metrics.score({ service: 'cpu', message: 'load', latency_ms }, { methods: true, explain: 'all' })
  }
  let usual = 0
  for (let i = 0; i < 600; i++) {
    const { anomaly_score, methods, explanation } = value(500 + ((i * 37) % 23))
    usual = Math.max(i < 300 ? 0 : usual, anomaly_score)
    assert.ok(methods !== undefined && typeof explanation?.['why'] === 'string')
  }
  const snapshot = metrics.snapshot()
  assert.ok(value(10).anomaly_score > usual, 'far below')
  const logs = new ScoringEngine(options)
  assert.equal(typeof logs.restore(snapshot), 'string')
  assert.equal(metrics.restore(snapshot), null)
  assert.ok(value(5_000).anomaly_score > usual, 'far above')
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ruleVerdict } from '../../../src/scoring/rule-scorer.ts'
import { eventAt } from '../../support/log-stream.ts'

it('the rules are the seed’s', () => {
  const cases = [
    { latencyMs: null, level: 'INFO', score: 0, isAnomaly: false },
    { latencyMs: 1000, level: 'INFO', score: 0, isAnomaly: false },
    { latencyMs: 1000.5, level: 'INFO', score: 0.5, isAnomaly: false },
    { latencyMs: 2001, level: 'INFO', score: 0.8, isAnomaly: true },
    { latencyMs: 5, level: 'ERROR', score: 0.3, isAnomaly: false },
    { latencyMs: 1500, level: 'ERROR', score: 0.8, isAnomaly: true },
    { latencyMs: 1500, level: 'FATAL', score: 0.8, isAnomaly: true },
    { latencyMs: 9000, level: 'ERROR', score: 1, isAnomaly: true },
    { latencyMs: 9000, level: 'WARN', score: 0.8, isAnomaly: true },
  ] as const
  for (const { latencyMs, level, score, isAnomaly } of cases) {
    assert.deepEqual(ruleVerdict(eventAt(0, { latencyMs, level })), { score, isAnomaly }, `${latencyMs} ${level}`)
  }
})

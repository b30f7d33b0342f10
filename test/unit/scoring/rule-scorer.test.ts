import assert from 'node:assert/strict'
import { it } from 'node:test'
import { replayedLog, ruledLog, ruleVerdict } from '../../../src/scoring/rule-scorer.ts'
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

it('an anomaly by the rules says what it was and why no model judged; what is ordinary says nothing', () => {
  const slow = eventAt(0, { latencyMs: 2_340, level: 'ERROR' })
  const { source, score, isAnomaly, explanation } = ruledLog(slow, 'nobody knows better', -17)
  assert.deepEqual({ source, score, isAnomaly }, { source: 'rules', score: 1, isAnomaly: true })
  assert.deepEqual(JSON.parse(explanation ?? ''), {
    top: 'rules',
    score: 1,
    template_id: -17,
    warm: false,
    why: 'ERROR with a latency of 2,340 ms: an anomaly by the fixed rules, since nobody knows better',
  })
  assert.equal(ruledLog(eventAt(0, { latencyMs: 5, level: 'ERROR' }), 'nobody knows better').explanation, null)
  assert.equal(replayedLog(slow).source, 'replay')
  assert.doesNotMatch(replayedLog(slow).explanation ?? '', /template_id/)
})

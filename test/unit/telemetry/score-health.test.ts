import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ScoreSource } from '../../../src/log.ts'
import { SCORE_STATES, ScoreHealth, type ScoreReport, troubleOf } from '../../../src/telemetry/score-health.ts'
import { createTelemetry } from '../../../src/telemetry.ts'
import { testRandom } from '../../support/log-stream.ts'
import { logAt, readyRange } from '../../support/ready-ranges.ts'

const MINUTE_MS = 60_000

/** Logs of a window: their scores where a model judged them, and how many there were of each kind. */
function feed(
  health: ScoreHealth,
  logs: { scores?: readonly number[]; by?: Partial<Record<ScoreSource, number>>; anomalies?: number },
): void {
  const {
    scores = [],
    by = { model: scores.length },
    anomalies = scores.filter((score) => score >= 0.65).length,
  } = logs
  for (const score of scores) health.score(score)
  health.count({ bySource: { model: 0, remote: 0, rules: 0, replay: 0, ...by }, anomalies })
}

/** Feeds whole windows; gives their reports. */
function windows(count: number, score: (window: number, draw: number) => number, logs = 5000): ScoreReport[] {
  const random = testRandom(1)
  const health = new ScoreHealth(0)
  return Array.from({ length: count }, (_, window) => {
    feed(health, { scores: Array.from({ length: logs }, () => score(window, random())) })
    return health.close((window + 1) * MINUTE_MS) ?? assert.fail('not a window')
  })
}
/** As a healthy engine's: the median near 0, one log in a thousand above 0.6. */
const usual = (_: number, draw: number): number => {
  const surprise = -Math.log10(1 - draw)
  return Math.min(0.999, surprise / (surprise + 2.2))
}

test('usual scores tell logs apart; quantiles and shares are those of the window', () => {
  const [report] = windows(1, usual, 50_000)
  assert.equal(report?.state, 'discriminating')
  const expected = [0.5, 0.9, 0.99, 0.999].map((q) => usual(0, q))
  for (const [at, score] of (report?.quantiles ?? []).entries())
    assert.ok(Math.abs(score - (expected[at] ?? 0)) < 0.01, `${report?.quantiles}`)
  assert.ok(Math.abs((report?.anomalyShare ?? 0) - 8e-5) < 2e-4)
  assert.equal(report?.fallbackShare, 0)
})

test('scores that are all alike, all high or all low are found', () => {
  assert.equal(windows(1, () => 0.42)[0]?.state, 'constant')
  assert.equal(windows(1, () => 0)[0]?.state, 'constant')
  assert.equal(windows(1, () => 1)[0]?.state, 'constant')
  assert.equal(windows(1, (_, draw) => 0.55 + 0.4 * draw)[0]?.state, 'all_high')
  assert.equal(windows(1, (_, draw) => 0.045 * draw)[0]?.state, 'all_low')
})

test('the index of drift stays low while the scores do, and leaps with them', () => {
  const reports = windows(30, (window, draw) => usual(0, window < 25 ? draw : draw * 0.5 + 0.5))
  assert.deepEqual(
    reports.slice(0, 5).map(({ drift }) => drift),
    [null, null, null, null, null],
  )
  for (const { drift } of reports.slice(5, 25)) assert.ok(drift !== null && drift < 0.1, `${drift}`)
  assert.ok((reports[25]?.drift ?? 0) > 0.25, `${reports[25]?.drift}`)
})

test('a window needs a minute and logs enough; few logs by a model say nothing of it', () => {
  const health = new ScoreHealth(0)
  feed(health, { scores: new Array<number>(1999).fill(0.1) })
  assert.equal(health.close(10 * MINUTE_MS), null)
  feed(health, { by: { rules: 1 }, anomalies: 1 })
  assert.equal(health.close(MINUTE_MS - 1), null)
  const report = health.close(MINUTE_MS)
  assert.deepEqual(report, {
    state: 'unknown',
    quantiles: null,
    drift: null,
    anomalyShare: 1 / 2000,
    fallbackShare: 1 / 2000,
  })
  assert.equal(health.report, report)
})

test('fallback is whatever the rules judged, and the model, too, where a remote engine answers', () => {
  const share = (counts: Partial<Record<ScoreSource, number>>): number | undefined => {
    const health = new ScoreHealth(0)
    feed(health, { by: counts })
    return health.close(MINUTE_MS)?.fallbackShare
  }
  assert.equal(share({ model: 2000 }), 0)
  assert.equal(share({ model: 1500, rules: 500 }), 0.25)
  assert.equal(share({ remote: 1500, model: 400, rules: 100 }), 0.25)
})

test('scores that stop telling logs apart are said once, again while it lasts, and when it is over; metrics say it, too', async () => {
  const lines: string[] = []
  let nowMs = 0
  const telemetry = createTelemetry({
    format: 'text',
    logsPerSecondMax: 1,
    write: (text) => lines.push(...text.split('\n').filter((line) => line.includes('cores'))),
    clock: () => nowMs,
    now: () => 1_764_700_000_000 + nowMs,
    version: '1',
  })
  const random = testRandom(3)
  const minute = (score: (draw: number) => number): void => {
    nowMs += MINUTE_MS
    const logs = Array.from({ length: 2500 }, (_, i) => logAt(i, {}, { score: score(random()) }))
    const ready = readyRange({ from: 0, count: 0 }, { logs })
    telemetry.batchFinished({
      batch: { lane: 0, ranges: [ready] },
      outcomes: [{ kind: 'committed', range: ready.range, refused: [], logIds: null }],
      durationMs: 1,
    })
  }
  const state = async (name: string): Promise<boolean> =>
    (await telemetry.metricsText()).includes(`insighthub_score_state{state="${name}"} 1`)
  assert.ok(await state('unknown'))
  minute((draw) => usual(0, draw))
  assert.ok(await state('discriminating'))
  assert.equal(lines.length, 0)
  for (let i = 0; i < 20; i++) minute(() => 0.3)
  assert.ok((await state('constant')) && !(await state('discriminating')))
  const said = '⚠ The scores do not tell logs apart: nearly all logs get the same score (median 0.30)'
  assert.deepEqual(lines, [said, said])
  minute((draw) => usual(0, draw))
  assert.equal(lines[2], '✓ The scores tell logs apart again')
  telemetry.models([
    { services: 7, warmServices: 5, templates: 60, overflowLogs: 9, forgottenTemplates: 3 },
    { services: 1, warmServices: 0, templates: 2, overflowLogs: 1, forgottenTemplates: 0 },
  ])
  const page = await telemetry.metricsText()
  assert.match(page, /^insighthub_services 8$/m)
  assert.match(page, /^insighthub_services_warm 5$/m)
  assert.match(page, /^insighthub_templates 62$/m)
  assert.match(page, /^insighthub_services_overflow_logs 10$/m)
  assert.match(page, /^insighthub_templates_forgotten 3$/m)
  assert.match(page, /^insighthub_score_quantile\{quantile="0.99"\} 0\.4\d*$/m)
  assert.equal(telemetry.scores().state, 'discriminating')
})

test('three of the states are trouble, each in its own words', () => {
  const words = SCORE_STATES.map(troubleOf).filter((trouble) => trouble !== null)
  assert.equal(new Set(words).size, 3)
  assert.equal(troubleOf('discriminating'), null)
  assert.equal(troubleOf('unknown'), null)
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MetricDetector } from '../../../src/anomaly/metric-detector.ts'
import type { Verdict } from '../../../src/anomaly/verdict.ts'
import { epochMs, type LogEvent } from '../../../src/log.ts'
import { eventAt, testRandom } from '../../support/log-stream.ts'

const OPTIONS = { seed: 7, servicesMax: 100 }
const MINUTE_MS = 60_000
const DAY = 288

/** Five-minute values around a mean, with a daily wave and noise. */
function wave(seed: number, values: number, series = 'cpu'): LogEvent[] {
  const random = testRandom(seed)
  return Array.from({ length: values }, (_, i) => {
    const noise = (random() + random() + random() - 1.5) * 4
    return valueAt(i, 50 + 20 * Math.sin((2 * Math.PI * i) / DAY) + noise, series)
  })
}

function valueAt(i: number, value: number | null, service = 'cpu', message = ''): LogEvent {
  const time = epochMs(Date.UTC(2026, 0, 5) + i * 5 * MINUTE_MS)
  return eventAt(0, { service, message, latencyMs: value, createdAt: time, recordTimestamp: time })
}

function judge(detector: MetricDetector, events: readonly LogEvent[]): Verdict[] {
  return events.map((event) => ({ ...detector.scoreThenLearn(event) }))
}

function trained(values = 3000): MetricDetector {
  const detector = new MetricDetector(OPTIONS)
  judge(detector, wave(1, values))
  return detector
}

describe('metric detector', () => {
  it('flags a value far above and one far below the usual, and says why', () => {
    for (const [value, why] of [
      [140, /^value 140, (just before|of late) about \d/],
      [0, /^value 0, (just before|of late) about \d/],
    ] as const) {
      const [verdict] = judge(trained(), [valueAt(3000, value)])
      assert.equal(verdict?.isAnomaly, true, `${value} scores ${verdict?.score}`)
      const explanation = JSON.parse(verdict?.explanation ?? '')
      assert.equal(explanation.observed, value)
      assert.match(explanation.why, why)
    }
  })

  it('flags few ordinary values', () => {
    const verdicts = judge(new MetricDetector(OPTIONS), wave(2, 12_000)).slice(1000)
    const flagged = verdicts.filter(({ isAnomaly }) => isAnomaly).length
    assert.ok(flagged <= 22, `${flagged} of ${verdicts.length}, more than 0.2 %`)
  })

  it('flags a value that is ordinary by itself but not at this hour of the week', () => {
    const events = Array.from({ length: 21 * DAY }, (_, i) => {
      const night = i % DAY < DAY / 2
      return valueAt(i, (night ? 10 : 100) + (i % 7))
    })
    const detector = new MetricDetector(OPTIONS)
    judge(detector, events.slice(0, 20 * DAY + 36))
    // Three in the morning, and the day's value: seen 12 hours ago, but never at night.
    const [verdict] = judge(detector, [valueAt(20 * DAY + 36, 103)])
    assert.ok((verdict?.score ?? 0) > 0.5, `scores ${verdict?.score}`)
    const [usual] = judge(trained(20 * DAY + 180), [valueAt(20 * DAY + 180, 40)])
    assert.ok((usual?.score ?? 1) < 0.5)
  })

  it('flags a step once, not every value after it', () => {
    const step = Array.from({ length: 100 }, (_, i) => valueAt(3000 + i, 200 + (i % 5)))
    const flagged = judge(trained(), step).filter(({ isAnomaly }) => isAnomaly).length
    assert.ok(flagged >= 1 && flagged <= 3, `${flagged} flagged`)
  })

  it('keeps every score in [0, 1), as 0.4 forest + 0.6 windows, whatever the values', () => {
    const random = testRandom(4)
    const hostile = [0, -1e300, 1e300, 5e-324, 2147483647, -0, null]
    const events = Array.from({ length: 3000 }, (_, i) =>
      valueAt(i, random() < 0.1 ? (hostile[Math.floor(random() * hostile.length)] ?? null) : random() * 100),
    )
    for (const verdict of judge(new MetricDetector(OPTIONS), events)) {
      assert.ok(verdict.score >= 0 && verdict.score < 1, `${verdict.score}`)
      assert.ok(Math.abs(verdict.score - (0.4 * verdict.forestScore + 0.6 * verdict.windowScore)) < 1e-12)
    }
  })

  it('goes on from a snapshot as if it had never stopped, bit for bit', () => {
    const events = [...wave(5, 3000, 'a'), ...wave(6, 3000, 'b')].sort((a, b) => a.createdAt - b.createdAt)
    for (const cut of [0, 1, 59, 1033, 4200]) {
      const whole = new MetricDetector(OPTIONS)
      judge(whole, events.slice(0, cut))
      const again = MetricDetector.restore(whole.snapshot(), OPTIONS)
      assert.ok(again instanceof MetricDetector, `not restored: ${again}`)
      assert.deepEqual(judge(again, events.slice(cut)), judge(whole, events.slice(cut)), `cut at ${cut}`)
      assert.deepEqual(again.snapshot(), whole.snapshot())
    }
  })

  it('takes the kinds of messages of one service for series of their own, up to the limit', () => {
    const detector = new MetricDetector({ ...OPTIONS, servicesMax: 2 })
    for (let i = 0; i < 200; i++) {
      detector.scoreThenLearn(valueAt(i, 10 + (i % 3), 'web', 'requests'))
      detector.scoreThenLearn(valueAt(i, 1e6 + (i % 3), 'web', 'bytes'))
      assert.equal(detector.scoreThenLearn(valueAt(i, i % 2 === 0 ? 1 : 1e9, 'web', 'too many')).score, 0)
    }
    assert.deepEqual(detector.stats(), {
      services: 2,
      warmServices: 2,
      templates: 2,
      overflowLogs: 200,
      forgottenTemplates: 0,
    })
    assert.equal(detector.scoreThenLearn(valueAt(200, 11, 'web', 'requests')).isAnomaly, false)
    assert.equal(detector.scoreThenLearn(valueAt(200, 11, 'web', 'bytes')).isAnomaly, true)
  })

  it('says why bytes are no snapshot of metrics', () => {
    const state = trained(100).snapshot()
    assert.equal(MetricDetector.restore(new Uint8Array(0), OPTIONS), 'not a snapshot')
    assert.equal(MetricDetector.restore(state.subarray(0, state.length - 1), OPTIONS), 'checksum differs')
  })
})

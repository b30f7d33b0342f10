import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Detector } from '../../../src/anomaly/detector.ts'
import type { LogEvent } from '../../../src/log.ts'
import type { ServiceAlert } from '../../../src/service-alert.ts'
import { eventAt, STREAM_START_MS, testRandom } from '../../support/log-stream.ts'

const OPTIONS = { seed: 1, servicesMax: 100 }
const MINUTE = 60_000

/** One log a second of `steady`; `watched` has so many a second at this time. Times in ms. */
function* stream(untilMs: number, watched: (ms: number) => number, seed = 4): Generator<LogEvent> {
  const random = testRandom(seed)
  for (let ms = 0; ms < untilMs; ms += 1000) {
    yield eventAt(ms, { service: 'steady' })
    const rate = watched(ms)
    // Poisson (Knuth).
    for (let product = random(); product > Math.exp(-rate); product *= random())
      yield eventAt(ms, { service: 'watched' })
  }
}

function alertsOf(events: Iterable<LogEvent>): ServiceAlert[] {
  const detector = new Detector(OPTIONS)
  const alerts: ServiceAlert[] = []
  for (const event of events) {
    detector.scoreThenLearn(event)
    alerts.push(...detector.takeAlerts(3))
  }
  return alerts
}

const secondsAfter = (ms: number, from: number): number => (ms - STREAM_START_MS - from) / 1000

describe('quiet watch', () => {
  it('tells of a silence within a minute, and of its end, once each', () => {
    const [from, until] = [60 * MINUTE, 75 * MINUTE]
    const alerts = alertsOf(stream(120 * MINUTE, (ms) => (ms >= from && ms < until ? 0 : 1)))
    assert.equal(alerts.length, 2)
    const [opened, closed] = alerts
    assert.ok(opened !== undefined && closed !== undefined)
    assert.deepEqual([opened.partition, opened.service, opened.kind], [3, 'watched', 'silence'])
    assert.equal(opened.untilMs, null)
    assert.ok(secondsAfter(opened.raisedAtMs, from) <= 60, `${secondsAfter(opened.raisedAtMs, from)} s`)
    assert.ok(Math.abs(secondsAfter(opened.sinceMs, from)) <= 10)
    assert.match(JSON.parse(opened.explanation).why, /^no logs for \d+ s, usually about (5|6)\d a minute$/)
    assert.deepEqual([closed.kind, closed.sinceMs, closed.raisedAtMs], ['silence', opened.sinceMs, opened.raisedAtMs])
    assert.ok(secondsAfter(closed.untilMs ?? 0, until) >= 0 && secondsAfter(closed.untilMs ?? 0, until) <= 90)
    for (const { explanation } of alerts) assert.ok(Buffer.byteLength(explanation) <= 1024)
  })

  it('tells of a drop in a service of two logs in five seconds within a minute, more often than not', () => {
    const from = 60 * MINUTE
    const delays = [1, 2, 3, 4, 5, 6, 7].map((seed) => {
      const rate = (ms: number): number => (ms >= from ? 0.05 : 0.4)
      const [opened] = alertsOf(stream(from + 10 * MINUTE, rate, seed))
      return secondsAfter(opened?.raisedAtMs ?? Number.POSITIVE_INFINITY, from)
    })
    assert.ok(delays.sort((a, b) => a - b)[3]! <= 60, delays.join(' '))
  })

  it('tells of a drop to a tenth', () => {
    const from = 60 * MINUTE
    const alerts = alertsOf(stream(90 * MINUTE, (ms) => (ms >= from && ms < from + 10 * MINUTE ? 0.2 : 2)))
    assert.deepEqual(
      alerts.map(({ untilMs }) => untilMs === null),
      [true, false],
    )
    assert.ok(secondsAfter(alerts[0]?.raisedAtMs ?? 0, from) <= 60)
  })

  it('holds its tongue over the 20 s of a restart, over a slow evening, and about young services', () => {
    const restart = (ms: number): number => (ms >= 60 * MINUTE && ms < 60 * MINUTE + 20_000 ? 0 : 1)
    assert.deepEqual(alertsOf(stream(80 * MINUTE, restart)), [])
    const evening = (ms: number): number => 2 - 1.4 * Math.min(1, ms / (300 * MINUTE))
    assert.deepEqual(alertsOf(stream(300 * MINUTE, evening)), [])
    assert.deepEqual(alertsOf(stream(20 * MINUTE, (ms) => (ms < 2 * MINUTE ? 2 : 0))), [])
  })

  it('takes a silence that lasts for the new usual, and closes the alert', () => {
    const alerts = alertsOf(stream(20 * 60 * MINUTE, (ms) => (ms < 60 * MINUTE ? 1 : 0)))
    assert.equal(alerts.length, 2)
    assert.ok(secondsAfter(alerts[1]?.untilMs ?? 0, 60 * MINUTE) > 2 * 3600)
  })

  it('goes on after a restore as if nothing had happened, also with an open alert', () => {
    const events = [...stream(90 * MINUTE, (ms) => (ms >= 60 * MINUTE && ms < 70 * MINUTE ? 0 : 1))]
    const whole = alertsOf(events)
    assert.equal(whole.length, 2)
    const opensAt = events.findIndex(({ createdAt }) => createdAt > (whole[0]?.raisedAtMs ?? 0))
    for (const cut of [opensAt - 40, opensAt + 40, events.length - 100]) {
      const first = new Detector(OPTIONS)
      const alerts: ServiceAlert[] = []
      for (const event of events.slice(0, cut)) first.scoreThenLearn(event)
      alerts.push(...first.takeAlerts(3))
      const second = Detector.restore(first.snapshot(), OPTIONS)
      assert.ok(second instanceof Detector)
      for (const event of events.slice(cut)) second.scoreThenLearn(event)
      assert.deepEqual([...alerts, ...second.takeAlerts(3)], whole, `cut at ${cut}`)
    }
  })
})

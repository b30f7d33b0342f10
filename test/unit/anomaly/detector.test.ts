import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { Detector } from '../../../src/anomaly/detector.ts'
import { ServiceState } from '../../../src/anomaly/service-state.ts'
import { SNAPSHOT_FORMAT } from '../../../src/anomaly/state-bytes.ts'
import { TEMPLATES_MAX } from '../../../src/anomaly/template-store.ts'
import type { Verdict } from '../../../src/anomaly/verdict.ts'
import { epochMs, type LogEvent } from '../../../src/log.ts'
import { eventAt, logStream } from '../../support/log-stream.ts'

const OPTIONS = { seed: 7, servicesMax: 2000 }

function judge(detector: Detector, events: readonly LogEvent[]): Verdict[] {
  return events.map((event) => ({ ...detector.scoreThenLearn(event) }))
}

function restored(state: Uint8Array): Detector {
  const detector = Detector.restore(state, OPTIONS)
  assert.ok(detector instanceof Detector, `not restored: ${detector}`)
  return detector
}

function trained(): Detector {
  const detector = new Detector(OPTIONS)
  judge(detector, logStream({ seed: 1, logs: 12_000 }))
  return detector
}
const AFTER_TRAINING_MS = 12_000 * 500

describe('detector', () => {
  it('gives the same verdicts for the same records', () => {
    const events = logStream({ seed: 2, logs: 10_000 })
    assert.deepEqual(judge(new Detector(OPTIONS), events), judge(new Detector(OPTIONS), events))
  })

  it('depends on its seed', () => {
    const events = logStream({ seed: 2, logs: 6_000 })
    const other = judge(new Detector({ ...OPTIONS, seed: 8 }), events)
    assert.notDeepEqual(judge(new Detector(OPTIONS), events), other)
  })

  it('goes on from a snapshot as if it had never stopped, bit for bit', () => {
    const events = logStream({ seed: 3, logs: 12_000 })
    for (const cut of [0, 1, 149, 511, 3_333, 9_001]) {
      const whole = new Detector(OPTIONS)
      judge(whole, events.slice(0, cut))
      const resumed = restored(whole.snapshot())
      assert.deepEqual(judge(resumed, events.slice(cut)), judge(whole, events.slice(cut)), `cut at ${cut}`)
      assert.deepEqual(resumed.snapshot(), whole.snapshot(), `state after a cut at ${cut}`)
    }
  })

  it('says why bytes are no snapshot', () => {
    const state = trained().snapshot()
    assert.equal(Detector.restore(new Uint8Array(0), OPTIONS), 'not a snapshot')
    assert.equal(Detector.restore(state.subarray(0, state.length - 1), OPTIONS), 'checksum differs')
    const flipped = Uint8Array.from(state)
    flipped[5000] = (flipped[5000] ?? 0) ^ 1
    assert.equal(Detector.restore(flipped, OPTIONS), 'checksum differs')
    const newer = Uint8Array.from(state)
    newer[4] = 99
    assert.equal(Detector.restore(newer, OPTIONS), `format 99, not ${SNAPSHOT_FORMAT}`)
  })

  it('takes no state of services that were laid out otherwise, whatever the format is said to be', () => {
    const state = Buffer.from(trained().snapshot())
    const layout = Buffer.alloc(8)
    layout.writeDoubleLE(ServiceState.bytes)
    const at = state.indexOf(layout)
    assert.ok(at > 0)
    state.writeDoubleLE(ServiceState.bytes + 8, at)
    state.writeUInt32LE(crc32(state.subarray(12)), 8)
    assert.equal(Detector.restore(state, OPTIONS), 'services of another layout')
  })

  it('keeps every score in [0, 1), as 0.4 forest + 0.6 windows', () => {
    const hostile = [0, 1e-9, 2147483647, null].flatMap((latencyMs, i) =>
      ['', '\u0000'.repeat(2000), '7'.repeat(5000)].map((message, j) =>
        eventAt(AFTER_TRAINING_MS + i * 9 + j, { latencyMs, message, level: 'FATAL' }),
      ),
    )
    const detector = trained()
    for (const verdict of judge(detector, hostile)) {
      assert.ok(verdict.score >= 0 && verdict.score < 1, `${verdict.score}`)
      assert.ok(Math.abs(verdict.score - (0.4 * verdict.forestScore + 0.6 * verdict.windowScore)) < 1e-12)
    }
  })

  it('flags a latency far from the usual for its operation, and says why', () => {
    const detector = trained()
    const [usual, slow] = judge(detector, [
      eventAt(AFTER_TRAINING_MS, { latencyMs: 22 }),
      eventAt(AFTER_TRAINING_MS + 500, { latencyMs: 2340 }),
    ])
    assert.equal(usual?.isAnomaly, false)
    assert.equal(usual?.explanation, null)
    assert.equal(slow?.isAnomaly, true)
    const explanation = JSON.parse(slow?.explanation ?? '')
    assert.equal(explanation.top, 'latency')
    assert.equal(explanation.observed, 2340)
    assert.match(
      explanation.why,
      /^latency 2,340 ms, usually (\d(\.\d+)?|1\d)-[3-9]\d ms for this operation \(p < 1e-\d+\)$/,
    )
    assert.equal(explanation.template, 'GET /api/order/*')
    assert.equal(explanation.template_id, slow?.templateId)
    assert.equal(explanation.warm, true)
    assert.ok(explanation.baseline_n > 3000)
    assert.ok(explanation.p <= 10 ** -explanation.surprise * 1.1)
    assert.deepEqual(explanation.channels[0].name, 'latency')
  })

  it('names the template with its variables starred, words too', () => {
    const detector = trained()
    const said = (user: string): string => `the session of user ${user} could not be kept open any longer`
    for (const user of ['ada', 'grace']) detector.scoreThenLearn(eventAt(AFTER_TRAINING_MS, { message: said(user) }))
    const { explanation } = detector.scoreThenLearn(
      eventAt(AFTER_TRAINING_MS + 1, { message: said('edsger'), level: 'FATAL', latencyMs: 1e6 }),
    )
    assert.equal(JSON.parse(explanation ?? '').template, said('*'))
  })

  it('keeps an explanation within 1 KiB, and free of what jsonb refuses', () => {
    const messages = [
      '\u0000\u001f'.repeat(300),
      '😀'.repeat(300),
      `x${'😀'.repeat(300)}`,
      '"\\'.repeat(300),
      '漢'.repeat(600),
    ]
    const state = trained().snapshot()
    for (const message of messages) {
      const event = eventAt(AFTER_TRAINING_MS, { message, level: 'FATAL', latencyMs: 1e6 })
      const { explanation } = restored(state).scoreThenLearn(event)
      assert.ok(explanation !== null, 'flagged')
      assert.ok(Buffer.byteLength(explanation) <= 1024, `${Buffer.byteLength(explanation)} bytes`)
      assert.doesNotMatch(explanation, /\\u/)
    }
  })

  it('flags one thing alone that is strange enough, which as a combination is not', () => {
    const { isAnomaly, windowScore, forestScore } = trained().scoreThenLearn(
      eventAt(AFTER_TRAINING_MS, { latencyMs: 250 }),
    )
    assert.ok(isAnomaly)
    assert.ok(forestScore >= 0.7 * windowScore, `${forestScore} and ${windowScore}`)
  })

  it('never lets the forest say much more than the windows', () => {
    for (const { forestScore, windowScore } of judge(trained(), logStream({ seed: 4, logs: 5_000 })))
      assert.ok(forestScore <= windowScore + 0.05, `${forestScore} and ${windowScore}`)
  })

  it('flags a burst of errors, and few ordinary logs', () => {
    const detector = trained()
    const burst = logStream({ seed: 9, logs: 400 }).map((event, i) =>
      eventAt(AFTER_TRAINING_MS + i * 500, { ...timeless(event), level: i % 2 === 0 ? 'ERROR' : 'INFO' }),
    )
    const errors = judge(detector, burst).filter((_, i) => i % 2 === 0)
    assert.ok(errors.filter((verdict) => verdict.isAnomaly).length > 100)
    const ordinary = judge(trained(), logStream({ seed: 1, logs: 20_000 }).slice(12_000))
    assert.ok(ordinary.filter((verdict) => verdict.isAnomaly).length <= 16, 'at most 0.2 % of ordinary logs')
  })

  it('is not rolled forward by a timestamp from the future', () => {
    const detector = trained()
    const before = detector.watermarkMs
    const event = eventAt(AFTER_TRAINING_MS, { createdAt: epochMs(Date.UTC(2990, 0)) })
    detector.scoreThenLearn(event)
    assert.ok(detector.watermarkMs <= (event.recordTimestamp ?? 0) + 60_000)
    detector.scoreThenLearn({ ...event, recordTimestamp: null })
    assert.ok(detector.watermarkMs - before <= 61_000)
  })

  it('is not rolled back by a late log', () => {
    const detector = trained()
    const before = detector.watermarkMs
    const verdict = detector.scoreThenLearn(eventAt(-7 * 86_400_000))
    assert.equal(detector.watermarkMs, before)
    assert.equal(verdict.isAnomaly, false)
  })

  it('stays bounded under 100,000 services and 100,000 kinds of message', () => {
    const detector = new Detector({ seed: 1, servicesMax: 50 })
    for (let i = 0; i < 100_000; i++) detector.scoreThenLearn(eventAt(i, { service: `service-${i}` }))
    assert.equal(detector.stats().services, 50)
    assert.ok(detector.stats().overflowLogs > 99_000, 'all others share one state')
    const letters = (n: number): string => n.toString(26).replace(/\d/g, (digit) => 'qrstuvwxyz'[Number(digit)] ?? '')
    for (let i = 0; i < 100_000; i++) detector.scoreThenLearn(eventAt(100_000 + i, { message: `kind ${letters(i)}` }))
    assert.ok(detector.stats().templates <= 51 * TEMPLATES_MAX)
    assert.ok(detector.snapshot().length < 51 * 12_000 + 1_200_000)
    const again = Detector.restore(detector.snapshot(), { seed: 1, servicesMax: 50 })
    assert.ok(again instanceof Detector)
  })
})

/** Without its times. */
function timeless({ createdAt: _created, recordTimestamp: _record, ...rest }: LogEvent): Partial<LogEvent> {
  return rest
}

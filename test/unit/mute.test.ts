import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { templateId } from '../../src/anomaly/message-template.ts'
import { watchMutes } from '../../src/commands/mute-watch.ts'
import { parseMute } from '../../src/commands/mutes.ts'
import { epochMs, type ScoredLog } from '../../src/log.ts'
import { isMuted, type Mute, withMutes } from '../../src/mute.ts'
import type { ScoredRange, Snapshot } from '../../src/pipeline.ts'
import { ModelScorer } from '../../src/scoring/model-scorer.ts'
import { MutingScorer } from '../../src/scoring/muting-scorer.ts'
import type { ServiceAlert } from '../../src/service-alert.ts'
import { eventAt, logStream } from '../support/log-stream.ts'
import { logAt, MINUTE, scored, unscored } from '../support/ready-ranges.ts'

const explanation = JSON.stringify({ top: 'latency', template_id: 'a1b2', why: 'latency 2,340 ms, usually 80-190 ms' })
const anomaly = (service = 'payment', over: Partial<ScoredLog> = {}): ScoredLog =>
  logAt(0, { service }, { score: 0.9, isAnomaly: true, explanation, ...over })
const mute = (fields: Partial<Mute>): Mute => ({
  id: 7,
  service: null,
  templateId: null,
  sinceMs: MINUTE,
  untilMs: MINUTE + 60_000,
  ...fields,
})
const one = (log: ScoredLog, ...mutes: Mute[]): ScoredLog => withMutes([log], mutes)[0] ?? log

test('a muted log keeps its score and its explanation, and says which mute it was', () => {
  const muted = one(anomaly(), mute({ service: 'payment' }))
  assert.deepEqual(
    [muted.score, muted.isAnomaly, muted.explanation],
    [0.9, false, `{"muted":7,${explanation.slice(1)}`],
  )
  assert.ok(isMuted(muted) && !isMuted(anomaly()) && !isMuted(logAt(1)))
})

test('a mute by service, by template or by both names exactly those', () => {
  const other = explanation.replace('a1b2', 'ffff')
  const numbered = JSON.stringify({ template_id: 12 })
  const covered = (fields: Partial<Mute>, log: ScoredLog): boolean => !one(log, mute(fields)).isAnomaly
  assert.ok(covered({ service: 'payment' }, anomaly()))
  assert.ok(!covered({ service: 'payment' }, anomaly('search')))
  assert.ok(covered({ templateId: 'a1b2' }, anomaly('search')))
  assert.ok(!covered({ templateId: 'a1b2' }, anomaly('search', { explanation: other })))
  assert.ok(covered({ templateId: '12' }, anomaly('search', { explanation: numbered })))
  assert.ok(!covered({ templateId: 'a1b2' }, anomaly('search', { explanation: null })))
  assert.ok(covered({ service: 'payment', templateId: 'a1b2' }, anomaly()))
  assert.ok(!covered({ service: 'search', templateId: 'a1b2' }, anomaly()))
})

test('a mute counts from its beginning to just before its end, by the time of the log', () => {
  const at = (ms: number): boolean => {
    const log = logAt(0, { createdAt: epochMs(ms) }, { isAnomaly: true })
    return isMuted(one(log, mute({ service: 'payment' })))
  }
  assert.deepEqual([MINUTE - 1, MINUTE, MINUTE + 59_999, MINUTE + 60_000].map(at), [false, true, true, false])
})

test('logs that are no anomalies are left as they are, the array too where nothing is muted', () => {
  const logs = [logAt(0), anomaly('search'), logAt(2)]
  assert.equal(withMutes(logs, [mute({ service: 'payment' })]), logs)
  const [first, , third] = withMutes(logs, [mute({ service: 'search' })])
  assert.equal(first, logs[0])
  assert.equal(third, logs[2])
})

test('what a muted log says stays within 1 KiB, whatever it said before', () => {
  const field = fc.string({ unit: 'grapheme', maxLength: 400 })
  const before = fc
    .record({ top: field, why: field, template: field, template_id: field })
    .map((fields) => JSON.stringify(fields))
    .filter((text) => Buffer.byteLength(text) <= 1024)
  fc.assert(
    fc.property(before, (text) => {
      const muted = one(anomaly('payment', { explanation: text }), mute({ service: 'payment', id: 123_456 }))
      assert.ok(Buffer.byteLength(muted.explanation ?? '') <= 1024)
      assert.equal(JSON.parse(muted.explanation ?? '').muted, 123_456)
    }),
  )
})

/** Of one range under a scorer that answers so. */
function mutedOver(answer: ScoredRange, seen: number[] = []) {
  const scorer = new MutingScorer({
    score: async (ranges) => {
      seen.push(...ranges.map(({ events }) => events.length))
      return [answer]
    },
  })
  const judged = async (): Promise<ScoredRange | undefined> => (await scorer.score([unscored([anomaly().event])], 0))[0]
  return { judged, replace: (mutes: readonly Mute[]) => scorer.replace(mutes) }
}

test('mutes are put over a scorer, and taken off again, without touching what it learns', async () => {
  const seen: number[] = []
  const snapshot: Snapshot = { partition: 0, atOffset: 9, format: 1, state: Uint8Array.of(1) }
  const { judged, replace } = mutedOver(scored([anomaly()], { snapshot }), seen)
  const isAnomaly = async (): Promise<boolean | undefined> => (await judged())?.logs[0]?.isAnomaly
  assert.equal(await isAnomaly(), true)
  replace([mute({ service: 'payment' })])
  assert.equal(await isAnomaly(), false)
  assert.equal((await judged())?.snapshot, snapshot)
  replace([])
  assert.equal(await isAnomaly(), true)
  assert.deepEqual(seen, [1, 1, 1, 1])
})

test('a mute of a service covers the alerts on it by the time they were raised, opened and closed alike; they stay', async () => {
  const raisedAtMs = epochMs(MINUTE)
  const opened: ServiceAlert = {
    ...{
      partition: 0,
      service: 'payment',
      kind: 'silence',
      sinceMs: epochMs(MINUTE - 40_000),
      untilMs: null,
      raisedAtMs,
    },
    ...{ observed: 0, expected: 41, explanation: '{"kind":"silence","why":"no logs for 40 s"}' },
  }
  const closed = { ...opened, untilMs: epochMs(MINUTE + 3_600_000) }
  const { judged, replace } = mutedOver(scored([], { alerts: [opened, closed] }))
  const alerts = async (): Promise<readonly ServiceAlert[]> => (await judged())?.alerts ?? []
  const muted = async (fields: Partial<Mute>): Promise<boolean[]> => {
    replace([mute(fields)])
    return (await alerts()).map(isMuted)
  }
  assert.deepEqual(await muted({ service: 'payment' }), [true, true])
  assert.deepEqual((await alerts())[1], { ...closed, explanation: `{"muted":7,${closed.explanation.slice(1)}` })
  assert.deepEqual(await muted({ service: 'search' }), [false, false])
  assert.deepEqual(await muted({ service: 'payment', templateId: 'a1b2' }), [false, false], 'a kind of message')
  assert.deepEqual(await muted({ templateId: 'a1b2' }), [false, false])
  assert.deepEqual(await muted({ service: 'payment', sinceMs: MINUTE + 1 }), [false, false], 'raised before')
  assert.deepEqual(await muted({ service: 'payment', sinceMs: 0, untilMs: MINUTE }), [false, false], 'raised after')
  replace([])
  assert.deepEqual(await alerts(), [opened, closed])
})

test('of two mutes the older one is named, in whatever order the table gave them', async () => {
  const { judged, replace } = mutedOver(scored([anomaly()]))
  for (const ids of [
    [4, 9],
    [9, 4],
  ]) {
    replace(ids.map((id) => mute({ id, service: 'payment' })))
    assert.match((await judged())?.logs[0]?.explanation ?? '', /^\{"muted":4,/)
  }
})

test('mutes are read before the first log, then again and again; a reading that fails keeps those before', async () => {
  const stop = new AbortController()
  const answers = [[mute({ id: 1 })], new Error('away'), [mute({ id: 2 })]]
  const applied: number[][] = []
  const failures: unknown[] = []
  const { ended } = await watchMutes(
    {
      read: async () => {
        const answer = answers.shift()
        if (answers.length === 0) stop.abort()
        if (answer instanceof Error) throw answer
        return answer ?? []
      },
      apply: (mutes) => void applied.push(mutes.map(({ id }) => id)),
      failed: (error) => void failures.push(error),
      sleep: async () => undefined,
    },
    stop.signal,
  )
  assert.deepEqual(applied, [[1]])
  await ended
  assert.deepEqual(applied, [[1], [2]])
  assert.equal(failures.length, 1)
})

test('a mute on the command line needs a subject, a reason and an end', () => {
  const why = 'known, ticket 12'
  assert.deepEqual(parseMute({ service: ' payment ', for: '12h', why }), {
    service: 'payment',
    templateId: null,
    sinceMs: null,
    untilMs: null,
    lengthMs: 12 * 3_600_000,
    why,
  })
  const from = '2026-01-01T00:00:00Z'
  const until = '2026-01-02T00:00:00Z'
  const whole = parseMute({ template: 'a1b2', from, until, why })
  assert.deepEqual([whole.sinceMs, whole.untilMs, whole.lengthMs], [Date.parse(from), Date.parse(until), null])
  for (const wrong of [
    { for: '1h', why },
    { service: 'a', why },
    { service: 'a', for: '1h', until, why },
    { service: 'a', for: '1 fortnight', why },
    { service: 'a', for: '0h', why },
    { service: 'a', for: '9999d', why },
    { service: 'a', until: 'soon', why },
    { service: 'a', from: until, until: from, why },
    { service: ' ', for: '1h', why },
    { service: 'a', for: '1h', why: '' },
    { service: 'a\u0000b', for: '1h', why },
  ]) {
    assert.throws(() => parseMute(wrong), { code: 'INPUT' }, JSON.stringify(wrong))
  }
})

test('the explanation of an anomaly names the kind of message by which it can be muted', async () => {
  const scorer = new ModelScorer({ servicesMax: 10 })
  scorer.judge(logStream({ seed: 1, logs: 12_000 }))
  const slow = eventAt(12_000 * 500, { latencyMs: 60_000 })
  const [log] = scorer.judge([slow])
  assert.ok(log?.isAnomaly)
  const { template_id } = JSON.parse(log.explanation ?? '{}')
  assert.equal(template_id, templateId(slow.message))
  const covering = mute({ templateId: String(template_id), sinceMs: 0, untilMs: Number.MAX_SAFE_INTEGER })
  assert.ok(isMuted(one(log, covering)))
})

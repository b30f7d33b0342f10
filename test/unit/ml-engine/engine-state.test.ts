/** What a restart takes up again: the model and the trained forest, or nothing at all. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ScoringEngine } from '../../../src/ml-engine/engine.ts'
import { SentLog } from '../../../src/ml-engine/sent-log.ts'
import type { ProfileName } from '../../../src/scoring/profiles.ts'
import { testRandom } from '../../support/log-stream.ts'

const WANTED = { methods: true, explain: 'all' } as const

function engineOf(profile?: ProfileName): ScoringEngine {
  return new ScoringEngine({
    profile,
    servicesMax: 100,
    threshold: 0.65,
    now: () => 1_767_225_600_000,
    failed: (error) => assert.fail(String(error)),
  })
}

function judge(engine: ScoringEngine, from: number, to: number): unknown[] {
  return Array.from({ length: to - from }, (_, i) => {
    const random = testRandom(from + i)
    return engine.score(
      SentLog.parse({
        service: random() < 0.5 ? 'shop' : 'cart',
        level: random() < 0.02 ? 'ERROR' : 'INFO',
        message: `order ${from + i} ${random() < 0.5 ? 'charged' : 'shipped'}`,
        latency_ms: 40 + 20 * random(),
        timestamp: new Date(1_767_225_000_000 + 200 * (from + i)).toISOString(),
      }),
      WANTED,
    )
  })
}

const ROWS = Array.from({ length: 64 }, (_, i): [number, number] => [20 + (i % 9), i % 2])
const PREDICTED = SentLog.parse({ service: 'shop', level: 'ERROR', message: 'm', latency_ms: 900 })

/** Scores alone: `metrics` of the windows are of the last five minutes, which are no part of the state. */
const scores = (answers: unknown[]): unknown[] =>
  answers.map((each) => JSON.parse(JSON.stringify(each, (key, value) => (key === 'metrics' ? undefined : value))))

describe("an engine's state", () => {
  it('taken up by another engine gives the same scores from there on, bit for bit, and the same predictions', () => {
    const first = engineOf()
    judge(first, 0, 2_000)
    first.train(ROWS)
    const second = engineOf()
    assert.equal(second.resume(first.state()), null)
    assert.deepEqual(second.predict(PREDICTED), first.predict(PREDICTED))
    assert.equal(second.predict(PREDICTED).method, 'isolation_forest')
    assert.deepEqual(scores(judge(second, 2_000, 3_000)), scores(judge(first, 2_000, 3_000)))
  })

  it('is one of a model that learned nothing and of no forest, too', () => {
    const engine = engineOf()
    assert.equal(engine.resume(engineOf().state()), null)
    assert.equal(engine.predict(PREDICTED).method, 'rules')
  })

  it('that is cut, changed in a bit or of something else is refused with a reason, and nothing has changed', () => {
    const whole = engineOf()
    judge(whole, 0, 500)
    whole.train(ROWS)
    const state = whole.state()
    const engine = engineOf()
    const untouched = Buffer.from(engine.state())
    const broken = fc.oneof(
      fc.nat({ max: state.length - 1 }).map((length) => state.subarray(0, length)),
      fc.tuple(fc.nat({ max: state.length - 1 }), fc.integer({ min: 0, max: 7 })).map(([at, bit]) => {
        const changed = Uint8Array.from(state)
        changed[at] = (changed[at] ?? 0) ^ (1 << bit)
        return changed
      }),
      fc.uint8Array({ maxLength: 200 }),
    )
    fc.assert(
      fc.property(broken, (bytes) => {
        assert.equal(typeof engine.resume(bytes), 'string')
        assert.ok(untouched.equals(engine.state()))
      }),
    )
    assert.equal(typeof engine.resume(whole.snapshot()), 'string', 'a snapshot of the model alone')
    assert.equal(typeof engine.resume(engineOf('metrics').state()), 'string', 'of the other profile')
    assert.ok(untouched.equals(engine.state()))
  })

  it('has a revision that moves with all that changes it, and with nothing else', () => {
    const engine = engineOf()
    const seen = [engine.revision()]
    judge(engine, 0, 1)
    seen.push(engine.revision())
    engine.train(ROWS)
    seen.push(engine.revision())
    assert.equal(engine.restore(engine.snapshot()), null)
    seen.push(engine.revision())
    assert.equal(new Set(seen).size, 4)
    engine.predict(PREDICTED)
    engine.alerts()
    engine.state()
    assert.equal(engine.revision(), seen.at(-1))
  })
})

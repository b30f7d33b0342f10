/** What an engine may cost a pipeline that has more to do than it can: on a clock of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogEvent, ScoredLog } from '../../../../src/log.ts'
import { CircuitBreaker } from '../../../../src/scoring/remote/circuit-breaker.ts'
import { Patience } from '../../../../src/scoring/remote/patience.ts'
import type { Asking, Outcome, RemoteEngine } from '../../../../src/scoring/remote/remote-engine.ts'
import { RemoteScorer } from '../../../../src/scoring/remote/remote-scorer.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { eventAt } from '../../../support/log-stream.ts'

const BATCH = Array.from({ length: 2_000 }, (_, i) => eventAt(i))
/** Of fetching and scoring a batch. */
const BATCH_MS = 20
const ordinary = (event: LogEvent): ScoredLog => ({
  event,
  score: 0.1,
  isAnomaly: false,
  source: 'model',
  explanation: null,
})

/** An engine that answers all it is asked after so many ms, or never while that is null. */
function world(options: { behind: boolean; answersMs: number | null }) {
  const clock = new FakeClock()
  const { time } = clock
  const asked: number[] = []
  let stalledMs = 0
  let answered = 0
  const ask = (events: readonly LogEvent[]): Asking => {
    asked.push(events.length)
    const stopped = new AbortController()
    const late: Outcome = { kind: 'late', reason: 'no answer in time' }
    const verdicts = events.map(() => ({ score: 0.5, isAnomaly: false, explanation: null }))
    const { answersMs } = options
    const ended = answersMs === null ? new Promise<Outcome>((resolve) => stopped.signal.addEventListener('abort', () => resolve(late))) : time.sleep(answersMs, stopped.signal).then((): Outcome => (stopped.signal.aborted ? late : { kind: 'answered', reason: '' })) // biome-ignore format: one line
    return { verdicts: answersMs === null ? [] : verdicts, ended, stop: () => stopped.abort() }
  }
  const scorer = new RemoteScorer({
    model: { score: async (events) => events.map(ordinary), snapshot: () => null, alerts: () => [] },
    engine: { ask, forget: () => undefined } as unknown as RemoteEngine,
    breaker: new CircuitBreaker({ ...time, moved: () => undefined }),
    patience: new Patience(time),
    line: { behind: () => options.behind, storing: () => null },
    deadlineMs: 250,
    fallback: 'model',
    ...time,
    asked: (what) => {
      stalledMs += what.stalledMs
      answered += what.answered
    },
  })
  /** Batch after batch until so much time has passed. */
  const run = async (ms: number): Promise<void> => {
    const end = clock.nowMs + ms
    while (clock.nowMs < end) {
      await clock.advance(BATCH_MS)
      let done = false
      void scorer.score(BATCH, 'store').then(() => {
        done = true
      })
      await clock.until('the batch is judged', () => done)
    }
  }
  return { options, asked, run, cost: () => ({ stalledMs, answered }) }
}

test('a frozen engine costs a backlog of three seconds less than a tenth of them', async () => {
  const { run, asked, cost } = world({ behind: true, answersMs: null })
  await run(3_000)
  const { stalledMs } = cost()
  assert.ok(stalledMs >= 100 && stalledMs <= 200, `${stalledMs} ms`)
  assert.ok(asked.length >= 2 && asked.every((logs) => logs === 500), `${asked}`)
})

test('one that freezes while it is asked costs one whole deadline, then as little', async () => {
  const { run, options, asked, cost } = world({ behind: true, answersMs: 2 })
  await run(500)
  const before = cost().stalledMs
  assert.deepEqual(asked.slice(0, 3), [500, 2_000, 2_000], 'all of a batch as soon as it has answered')
  const index = asked.length
  options.answersMs = null
  await run(3_000)
  assert.deepEqual(asked.slice(index, index + 1), [2_000])
  assert.ok(asked.slice(index + 1).every((logs) => logs === 500))
  assert.ok(cost().stalledMs - before < 400, `${cost().stalledMs - before} ms`)
  options.answersMs = 2
  const answered = cost().answered
  await run(30_000)
  assert.ok(cost().answered > answered + 10 * BATCH.length, 'and is asked again when it is back')
})

test('while nothing waits it has its whole deadline, from the first question on', async () => {
  const { run, cost } = world({ behind: false, answersMs: 200 })
  await run(600)
  assert.equal(cost().answered, 3 * BATCH.length)
})

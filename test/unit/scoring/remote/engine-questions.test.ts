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
import { scored, unscored } from '../../../support/ready-ranges.ts'

const BATCH = Array.from({ length: 2_000 }, (_, i) => eventAt(i))
const TRIAL = 100
/** Of fetching and scoring a batch. */
const BATCH_MS = 40
const DEADLINE_MS = 250
const ordinary = (event: LogEvent): ScoredLog => ({
  event,
  score: 0.1,
  isAnomaly: false,
  source: 'model',
  explanation: null,
})
const ANSWERED: Outcome = { kind: 'answered', reason: '' }
const LATE: Outcome = { kind: 'late', reason: 'no answer in time' }

/** In how many ms an engine answers what it is asked now, about so many logs; null: never. */
type Manner = (nowMs: number, logs: number) => number | null

interface Options {
  behind: boolean
  manner: Manner
  /** Storing a batch takes so long, beside the scoring of the next. */
  storingMs?: number
}

function world(options: Options) {
  const clock = new FakeClock()
  const { time } = clock
  const asked: number[] = []
  let stalledMs = 0
  let answered = 0
  let out = 0
  let outMax = 0
  let storing: Promise<void> | null = null

  const ask = (events: readonly LogEvent[]): Asking => {
    asked.push(events.length)
    outMax = Math.max(outMax, ++out)
    const stopped = new AbortController()
    const verdicts: ({ score: number; isAnomaly: boolean; explanation: null } | null)[] = events.map(() => null)
    const answer = async (): Promise<Outcome> => {
      await time.sleep(options.manner(clock.nowMs, events.length) ?? Number.MAX_SAFE_INTEGER, stopped.signal)
      out--
      if (stopped.signal.aborted) return LATE
      verdicts.fill({ score: 0.5, isAnomaly: false, explanation: null })
      return ANSWERED
    }
    return { verdicts, ended: answer(), leave: () => undefined, stop: () => stopped.abort() }
  }
  const scorer = new RemoteScorer({
    model: { score: async (ranges) => ranges.map(({ events }) => scored(events.map(ordinary))) },
    engine: { ask, forget: () => undefined } as unknown as RemoteEngine,
    breaker: new CircuitBreaker({ ...time, moved: () => undefined }),
    patience: new Patience(time),
    line: { behind: () => options.behind, storing: () => storing },
    deadlineMs: DEADLINE_MS,
    fallback: 'model',
    ...time,
    asked: () => undefined,
    judged: (what) => {
      stalledMs += what.stalledMs
      answered += what.answered
    },
  })
  const store = (): void => {
    const { storingMs } = options
    if (storingMs === undefined) return
    const over: Promise<void> = time.sleep(storingMs, new AbortController().signal).then(() => {
      if (storing === over) storing = null
    })
    storing = over
  }
  /** Batch after batch until so much time has passed; gives how many. */
  const run = async (ms: number): Promise<number> => {
    const end = clock.nowMs + ms
    let batches = 0
    for (; clock.nowMs < end; batches++) {
      await clock.advance(BATCH_MS)
      let done = false
      void scorer.score([unscored(BATCH)], 0).then(() => {
        done = true
      })
      await clock.until('the batch is judged and the one before stored', () => done && storing === null)
      store()
    }
    return batches
  }
  const nowMs = (): number => clock.nowMs
  return { options, asked, run, nowMs, cost: () => ({ stalledMs, answered, outMax }), close: () => scorer.close() }
}

const never: Manner = () => null
const within =
  (ms: number): Manner =>
  () =>
    ms
/** Stopped and continued in turns, as by SIGSTOP: what was asked meanwhile is answered after it. */
const flapping =
  (turnMs: number): Manner =>
  (nowMs) => {
    const intoMs = nowMs % (2 * turnMs)
    return intoMs < turnMs ? 2 : 2 * turnMs - intoMs + 2
  }

test('a frozen engine costs a backlog nothing: it is asked about a few logs now and then, beside the pipeline', async () => {
  const { run, asked, cost } = world({ behind: true, manner: never })
  await run(60_000)
  assert.deepEqual(cost(), { stalledMs: 0, answered: 0, outMax: 1 })
  assert.ok(asked.length >= 5 && asked.length <= 10, `${asked}`)
  assert.ok(asked.every((logs) => logs === TRIAL))
})

test('one that freezes while it is trusted costs what the account holds, once', async () => {
  const { run, options, asked, cost } = world({ behind: true, manner: within(2), storingMs: 50 })
  await run(500)
  const before = cost().stalledMs
  assert.deepEqual(asked.slice(0, 5), [TRIAL, TRIAL, 2 * TRIAL, 4 * TRIAL, 8 * TRIAL], 'ever more while it answers')
  const index = asked.length
  options.manner = never
  await run(3_000)
  assert.equal(asked[index], BATCH.length)
  assert.ok(asked.slice(index + 1).every((logs) => logs === TRIAL))
  const lost = cost().stalledMs - before
  assert.ok(lost > 50 && lost <= 100, `${lost} ms`)
  options.manner = within(2)
  const answered = cost().answered
  await run(30_000)
  assert.ok(cost().answered > answered + 100 * BATCH.length, 'and is asked again when it is back')
})

const WORST: Readonly<Record<string, Manner>> = {
  ...Object.fromEntries(
    [20, 50, 100, 200, 250, 300, 500, 1_000, 2_000, 5_000, 15_000].map((ms) => [
      `comes and goes in turns of ${ms} ms`,
      flapping(ms),
    ]),
  ),
  ...Object.fromEntries([5, 20, 60, 100, 150, 240, 249, 251, 1_000].map((ms) => [`takes ${ms} ms`, within(ms)])),
  'answers every second question only': (() => {
    let asked = 0
    return () => (asked++ % 2 === 0 ? 1 : null)
  })(),
  'answers ten times and then not': (() => {
    let asked = 0
    return () => (asked++ % 11 < 10 ? 1 : null)
  })(),
}

for (const storingMs of [undefined, 30])
  for (const [what, manner] of Object.entries(WORST))
    test(`an engine that ${what} costs a busy minute at most 3 % and a tenth of a second (storing ${storingMs ?? 0} ms)`, async () => {
      const { run, cost, nowMs } = world({ behind: true, manner, ...(storingMs === undefined ? {} : { storingMs }) })
      const startedMs = nowMs()
      const batches = await run(60_000)
      const { stalledMs, outMax } = cost()
      const tookMs = nowMs() - startedMs
      assert.ok(stalledMs <= 100 + 0.03 * tookMs + 1e-6, `${stalledMs} ms of ${tookMs}`)
      // By the batches as well: what is lost is what was told.
      const worked = batches * Math.max(BATCH_MS, storingMs ?? 0)
      assert.ok(tookMs - worked <= stalledMs + BATCH_MS + (storingMs === undefined ? 0 : batches), `${tookMs - worked}`)
      assert.equal(outMax, 1, 'never two questions at once')
    })

test('answers that come while the batch before is being stored cost nothing', async () => {
  const { run, cost } = world({ behind: true, manner: within(70), storingMs: 120 })
  const batches = await run(20_000)
  assert.equal(cost().stalledMs, 0)
  // Not the first one, before which nothing is stored; then ever more.
  assert.ok(cost().answered >= (batches - 8) * BATCH.length, `${cost().answered} of ${batches} batches`)
})

test('an engine that is slower than the store is asked about as many logs as it answers meanwhile', async () => {
  // 1 ms for 10 logs: 200 ms a batch, of which 80 cost nothing.
  const { run, cost } = world({ behind: true, manner: (_now, logs) => logs / 10, storingMs: 120 })
  const batches = await run(30_000)
  assert.ok(cost().answered >= batches * 0.2 * BATCH.length, `${cost().answered} of ${batches} batches`)
  assert.ok(cost().stalledMs <= 100 + 0.03 * 31_000, `${cost().stalledMs} ms`)
})

test('while nothing waits it has its whole deadline, from the first question on', async () => {
  const { run, cost } = world({ behind: false, manner: within(200) })
  await run(600)
  assert.equal(cost().answered, 3 * BATCH.length)
})

test('while nothing waits a frozen one costs one deadline, and none again', async () => {
  const { run, cost } = world({ behind: false, manner: never })
  await run(60_000)
  assert.equal(cost().stalledMs, DEADLINE_MS)
})

test('after close nothing is asked, and what is out ends', async () => {
  const { run, asked, close } = world({ behind: true, manner: never })
  await run(50)
  assert.deepEqual(asked, [TRIAL])
  close()
  await run(5_000)
  assert.deepEqual(asked, [TRIAL])
})

/** Whatever the engine is or does, every log comes out judged, in order and in time, and says by whom. */
import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { describe, test } from 'node:test'
import type { LogEvent, ScoredLog } from '../../src/log.ts'
import { ModelScorer } from '../../src/scoring/model-scorer.ts'
import { ruleVerdict } from '../../src/scoring/rule-scorer.ts'
import { withEngine } from '../support/engine-server.ts'
import { eventAt, logStream } from '../support/log-stream.ts'
import { unscored } from '../support/ready-ranges.ts'
import { type RemoteWorld, type RemoteWorldOptions, remoteWorld } from '../support/remote-world.ts'
import {
  type Behaviour,
  batchEngine,
  originalEngine,
  type StubEngine,
  sendJson,
  silentEngine,
  startStubEngine,
} from '../support/stub-engine.ts'

const good = batchEngine(() => ({ is_anomaly: false, anomaly_score: 0.125 }))

async function asking(
  behaviour: Behaviour,
  use: (world: RemoteWorld, stub: StubEngine) => Promise<void>,
  options: Partial<RemoteWorldOptions> = {},
): Promise<void> {
  const stub = await startStubEngine(behaviour)
  const world = remoteWorld({ url: stub.url, ...options })
  try {
    await use(world, stub)
  } finally {
    world.close()
    await stub.close()
  }
}

const sources = (logs: readonly ScoredLog[]): string[] => [...new Set(logs.map((log) => log.source))].sort()

describe('an engine that is well', () => {
  test('its answers take the place of the judgement, by position, over one connection and in one call a batch', () =>
    asking(
      batchEngine((log) => ({
        is_anomaly: (log.latency_ms ?? 0) > 100,
        anomaly_score: Math.min(1, (log.latency_ms ?? 0) / 1e4),
      })),
      async ({ score }, stub) => {
        const events = logStream({ seed: 3, logs: 1000 })
        for (let from = 0; from < 1000; from += 100) {
          const some = events.slice(from, from + 100)
          const logs = await score(some)
          assert.deepEqual(
            logs.map((log) => [log.event, log.source, log.score, log.isAnomaly]),
            some.map((event) => [
              event,
              'remote',
              Math.min(1, (event.latencyMs ?? 0) / 1e4),
              (event.latencyMs ?? 0) > 100,
            ]),
          )
          for (const { isAnomaly, explanation } of logs) assert.equal(explanation !== null, isAnomaly)
        }
        assert.deepEqual([stub.connections(), stub.asked.length], [1, 10])
      },
    ))

  test('the ranges of one batch are asked about together, those that are only learned again not at all', () =>
    asking(good, async ({ scorer, outcomes }, stub) => {
      const ranges = [0, 1, 2, 3].map((partition) => [eventAt(0, { partition }), eventAt(1, { partition })])
      const purposes = ['store', 'warm-up', 'store', 'store'] as const
      const asked = ranges.map((events, partition) =>
        unscored(events, { partition, purpose: purposes[partition] ?? 'store' }),
      )
      const scored = await scorer.score(asked, 0)
      assert.deepEqual(
        scored.map(({ logs }) => logs.map((log) => log.event)),
        ranges,
      )
      assert.deepEqual(
        scored.map(({ logs }) => logs[0]?.source),
        ['remote', 'rules', 'remote', 'remote'],
      )
      assert.deepEqual([stub.asked, outcomes.length], [['/score/batch'], 1])
    }))

  test('our own engine judges and explains as the model in this process would', () =>
    withEngine(async ({ address, time }) => {
      const world = remoteWorld({ url: new URL(address) })
      const events = logStream({ seed: 8, logs: 4000 }).map(
        (event, i): LogEvent => (i > 3000 && i % 100 === 0 ? { ...event, level: 'ERROR', latencyMs: 60_000 } : event),
      )
      time.nowMs = events.at(-1)?.createdAt ?? 0
      const logs = await world.score(events)
      world.close()
      assert.deepEqual(sources(logs), ['remote'])
      const flagged = logs.filter((log) => log.isAnomaly && log.event.offset > 3000)
      assert.ok(flagged.length >= 5)
      for (const { explanation } of flagged) assert.match(JSON.parse(explanation ?? '{}').why, /60,000 ms|ERROR|error/)
    }))

  test('the token goes along', () =>
    withEngine(
      async ({ address }) => {
        const known = remoteWorld({ url: new URL(address), token: 'secret' })
        assert.deepEqual(sources(await known.score(logStream({ seed: 1, logs: 5 }))), ['remote'])
        const unknown = remoteWorld({ url: new URL(address), token: 'wrong' })
        assert.deepEqual(sources(await unknown.score(logStream({ seed: 1, logs: 5 }))), ['rules'])
        assert.deepEqual(unknown.outcomes, [{ kind: 'refused', reason: 'status 401' }])
        known.close()
        unknown.close()
      },
      { token: 'secret' },
    ))
})

describe('the original Python engine', () => {
  test('is asked log by log, a few at once, and what it cannot answer in time is judged here', () =>
    asking(
      originalEngine(78),
      async ({ score, engine, outcomes }, stub) => {
        const events = logStream({ seed: 5, logs: 100 }).map((event) => ({
          ...event,
          latencyMs: event.latencyMs ?? 20,
        }))
        const logs = await score(events)
        const remote = logs.filter((log) => log.source === 'remote').length
        assert.ok(remote >= 1 && remote <= 40, `${remote} answers of 78 ms in 3000 ms`)
        assert.deepEqual(
          logs.map((log) => log.event),
          events,
        )
        assert.equal(engine.mode, 'single')
        assert.deepEqual(outcomes, [{ kind: 'answered', reason: '' }])
        await score(events.slice(0, 3))
        assert.equal(stub.asked.filter((path) => path === '/score/batch').length, 1, 'asked for the batch route once')
      },
      { deadlineMs: 3_000 },
    ))

  test('its 500 to a log without a latency is no failure, and is not asked for twice', () =>
    asking(originalEngine(1), async ({ score, moves }, stub) => {
      const events = Array.from({ length: 40 }, (_, i) => eventAt(i, { latencyMs: i % 4 === 0 ? null : 5000 }))
      const logs = await score(events)
      assert.deepEqual(
        logs.map((log) => log.source),
        events.map((event) => (event.latencyMs === null ? 'rules' : 'remote')),
      )
      const flagged = logs.find((log) => log.isAnomaly)
      assert.match(flagged?.explanation ?? '', /the ML engine scored it/)
      const asked = stub.asked.length
      await score([eventAt(50, { latencyMs: null }), eventAt(51, { latencyMs: 10 })])
      assert.equal(stub.asked.length, asked + 1)
      assert.deepEqual(moves, [])
    }))
})

const results = (result: unknown): Behaviour => batchEngine(() => result)
const raw =
  (text: string, headers: Record<string, string> = {}): Behaviour =>
  (_request, answer) =>
    void answer.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text)
const endless: Behaviour = (_request, answer) => {
  const block = Buffer.alloc(1024 * 1024, 0x20)
  answer.writeHead(200, { 'content-type': 'application/json' })
  const more = (): void => {
    while (!answer.destroyed && answer.write(block));
    if (!answer.destroyed) answer.once('drain', more)
  }
  more()
}
const dripping: Behaviour = (_request, answer) => {
  const drip = setInterval(() => answer.write(' '), 20)
  answer.on('close', () => clearInterval(drip))
}

const ILL: Readonly<Record<string, readonly [Behaviour, string]>> = {
  'answers nothing': [silentEngine, 'late'],
  'answers a blank every 20 ms': [dripping, 'late'],
  'closes the connection': [(_request, answer) => void answer.destroy(), 'unreachable'],
  'answers without an end': [endless, 'garbled'],
  'announces 1 GB': [
    (_request, answer) => void answer.writeHead(200, { 'content-length': String(2 ** 30) }).write('{'),
    'garbled',
  ],
  'answers 500': [(_request, answer) => sendJson(answer, 500, { error: 'x' }), 'refused'],
  'answers 503': [(_request, answer) => sendJson(answer, 503, { error: 'x' }), 'refused'],
  'sends elsewhere': [
    (_request, answer) => void answer.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    'refused',
  ],
  'answers no JSON': [raw('<html>'), 'garbled'],
  'answers a deep JSON': [raw(`{"results":${'['.repeat(3_000_000)}`), 'garbled'],
  'answers null': [raw('null'), 'garbled'],
  'answers compressed': [raw('{}', { 'content-encoding': 'gzip' }), 'garbled'],
  'answers one result too few': [
    async ({ body }, answer) =>
      sendJson(answer, 200, {
        results: JSON.parse(await body())
          .logs.slice(1)
          .map(() => ({ is_anomaly: false, anomaly_score: 0 })),
      }),
    'garbled',
  ],
  'answers a score beyond 1': [results({ is_anomaly: true, anomaly_score: 1.5 }), 'garbled'],
  'answers a negative score': [results({ is_anomaly: true, anomaly_score: -0.1 }), 'garbled'],
  'answers NaN': [raw('{"results":[{"is_anomaly":false,"anomaly_score":NaN}]}'), 'garbled'],
  'answers an infinite score': [raw('{"results":[{"is_anomaly":false,"anomaly_score":1e999}]}'), 'garbled'],
  'answers a score as text': [results({ is_anomaly: false, anomaly_score: '0.5' }), 'garbled'],
  'answers a flag as a number': [results({ is_anomaly: 1, anomaly_score: 0.5 }), 'garbled'],
  'answers errors for all logs': [results({ error: 'no' }), 'garbled'],
}

describe('an engine that', () => {
  for (const [what, [behaviour, kind]] of Object.entries(ILL))
    for (const fallback of ['model', 'rules'] as const)
      test(`[F18] ${what} costs no log and no more than the deadline (fallback: ${fallback})`, () =>
        asking(
          behaviour,
          async ({ score, outcomes, moves }) => {
            const events = logStream({ seed: 9, logs: 2000 })
            const model = new ModelScorer({ servicesMax: 100 }).judge(events)
            const logs: ScoredLog[] = []
            for (let from = 0; from < 2000; from += 200) logs.push(...(await score(events.slice(from, from + 200))))
            while (moves.length === 0) {
              logs.push(...(await score([eventAt(2000 + logs.length)])))
              await new Promise(setImmediate)
            }
            assert.ok(outcomes.length <= 3, 'the breaker spares the other batches')
            logs.length = 2000
            const expected =
              fallback === 'model'
                ? model
                : events.map((event) => ({ event, ...ruleVerdict(event), source: 'rules', explanation: null }))
            assert.deepEqual(logs, expected)
            assert.equal(outcomes[0]?.kind, kind, outcomes[0]?.reason)
            assert.equal(moves[0], 'open')
          },
          // Whatever else is wrong has to come before the deadline, on a busy machine too; that none is waited for, its kind tells.
          { fallback, pauseMs: 60_000, deadlineMs: kind === 'late' ? 250 : 20_000 },
        ))

  test('is not there at all is the same', async () => {
    const stub = await startStubEngine(good)
    await stub.close()
    const world = remoteWorld({ url: stub.url })
    const logs = await world.score(logStream({ seed: 9, logs: 50 }))
    assert.deepEqual([sources(logs), world.outcomes[0]?.kind], [['rules'], 'unreachable'])
    assert.match(world.outcomes[0]?.reason ?? '', /ECONNREFUSED/)
    world.close()
  })

  test('answers some logs badly is believed in the others', () => {
    let seen = 0
    return asking(
      batchEngine(() => (seen++ % 3 === 0 ? { error: 'no' } : { is_anomaly: false, anomaly_score: 0.5 })),
      async ({ score, moves }) => {
        const logs = await score(logStream({ seed: 2, logs: 30 }))
        assert.deepEqual(
          logs.map((log) => log.source),
          Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 'rules' : 'remote')),
        )
        assert.deepEqual(moves, [])
      },
    )
  })

  test('closes kept connections now and then is asked again at once', () => {
    let calls = 0
    return asking(
      async (request, answer) => {
        if (++calls % 2 === 0) answer.destroy()
        else await good(request, answer)
      },
      async ({ score, outcomes }) => {
        for (let i = 0; i < 6; i++) assert.deepEqual(sources(await score([eventAt(i)])), ['remote'])
        assert.ok(outcomes.every((outcome) => outcome?.kind === 'answered'))
      },
    )
  })

  test('comes back is asked again: the breaker opens, tries and closes', () =>
    asking(
      silentEngine,
      async ({ score, moves }, stub) => {
        const one = (): Promise<readonly ScoredLog[]> => score([eventAt(0)])
        while (moves.length === 0) {
          await one()
          await new Promise(setImmediate)
        }
        stub.behave(good)
        while (sources(await one())[0] !== 'remote') await new Promise(setImmediate)
        assert.deepEqual([moves[0], ...moves.slice(-2)], ['open', 'half_open', 'closed'])
      },
      { deadlineMs: 250 },
    ))

  test('is replaced by the original while it was away is asked log by log then', () =>
    asking(good, async ({ score, moves, engine }, stub) => {
      await score([eventAt(0)])
      stub.behave((_request, answer) => void answer.destroy())
      while (moves.length === 0) {
        await score([eventAt(0)])
        await new Promise(setImmediate)
      }
      stub.behave(originalEngine(1))
      while (sources(await score([eventAt(0)]))[0] !== 'remote') await new Promise(setImmediate)
      assert.equal(engine.mode, 'single')
    }))

  test('explains with what a jsonb column refuses, or at length, is believed without', () => {
    const explanations = [
      { why: 'fine' },
      { why: 'a\0b' },
      { why: '\ud800' },
      { why: 'x'.repeat(2000) },
      'text',
      null,
      [1],
    ]
    let at = 0
    return asking(
      batchEngine(() => ({ is_anomaly: true, anomaly_score: 0.9, explanation: explanations[at++] })),
      async ({ score }) => {
        const logs = await score(explanations.map((_, i) => eventAt(i)))
        assert.deepEqual(sources(logs), ['remote'])
        const why = logs.map((log) => JSON.parse(log.explanation ?? '{}').why)
        assert.deepEqual(why, ['fine', ...Array(6).fill('the ML engine scored it 0.9 and gave no reason')])
      },
    )
  })

  test('has a link-local address is not asked, by address or by name, unless that is allowed', async () => {
    for (const host of ['169.254.169.254', '[fe80::1]', '[::ffff:169.254.169.254]']) {
      const world = remoteWorld({ url: new URL(`http://${host}:5000`) })
      await world.score([eventAt(0)])
      assert.match(world.outcomes[0]?.reason ?? '', /link-local/, host)
      world.close()
    }
    const stub = await startStubEngine(good)
    const named = new URL(`http://engine.example:${stub.url.port}`)
    const answering = (...addresses: string[]): LookupFunction => {
      const found = addresses.map((address) => ({ address, family: 4 }))
      return (_name, { all }, callback) =>
        all === true ? callback(null, found) : callback(null, addresses[0] ?? '', 4)
    }
    for (const [lookup, linkLocal, source] of [
      [answering('127.0.0.1'), false, 'remote'],
      [answering('127.0.0.1', '169.254.169.254'), false, 'rules'],
      [answering('127.0.0.1', '169.254.169.254'), true, 'remote'],
    ] as const) {
      const world = remoteWorld({ url: named, lookup, linkLocal })
      assert.deepEqual(sources(await world.score([eventAt(0)])), [source], world.outcomes[0]?.reason)
      world.close()
    }
    await stub.close()
  })
})

describe('an engine that is slow', () => {
  const late =
    (ms: number): Behaviour =>
    (request, answer) =>
      // Nobody may be there any more who asked.
      void setTimeout(() => void Promise.resolve(good(request, answer)).catch(() => undefined), ms)

  test('is waited for while nothing else waits', () =>
    asking(late(60), async ({ score }) => {
      for (let i = 0; i < 12; i++) assert.deepEqual(sources(await score([eventAt(i)])), ['remote'])
    }))

  test('costs a busy pipeline its patience and no more', () =>
    asking(late(60), async ({ score, line, outcomes, spared }) => {
      assert.deepEqual(sources(await score([eventAt(0)])), ['remote'])
      line.behind = true
      const startedMs = performance.now()
      const passedMs = (): number => performance.now() - startedMs
      const questions = (): number => outcomes.length - 1
      while (passedMs() < 3_000 || questions() < 2 || spared() <= 3 * questions()) {
        await score([eventAt(0)])
        await new Promise(setImmediate)
      }
      const asked = questions()
      // 100 ms at first and 3 % of the time, for waits of up to 60 ms; where the account holds less, the batch goes on before.
      assert.ok(asked < passedMs() / 60, `${asked} questions`)
      assert.ok(spared() > 3 * asked, 'and between them it went on')
    }))

  test('costs nothing while the batch before is being stored', () =>
    asking(late(60), async ({ score, line }) => {
      line.behind = true
      for (let i = 0; i < 15; i++) {
        line.storing = new Promise((done) => setTimeout(done, 100))
        assert.deepEqual(sources(await score([eventAt(i)])), ['remote'])
      }
    }))
})

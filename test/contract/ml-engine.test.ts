/** The original engine's contract, to the letter, and what was added to it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { AlertsAnswer, JudgementAnswer, ScoreBatchAnswer, StatsAnswer } from '../../src/ml-engine/schemas.ts'
import { withEngine } from '../support/engine-server.ts'

const LOG = { service: 'payment', level: 'INFO', message: 'charged order 17', latency_ms: 42 }

const Original = z.strictObject({
  is_anomaly: z.boolean(),
  anomaly_score: z.number(),
  methods: z.strictObject({
    isolation_forest: z.strictObject({
      is_anomaly: z.boolean(),
      anomaly_score: z.number(),
      method: z.literal('isolation_forest'),
    }),
    sliding_window: z.strictObject({
      is_anomaly: z.boolean(),
      anomaly_score: z.number(),
      method: z.literal('sliding_window'),
      metrics: z.strictObject({ error_rate: z.number(), latency_zscore: z.number(), total_logs: z.number() }),
    }),
  }),
})

describe("the original's contract", () => {
  test('GET /health', () =>
    withEngine(async ({ get }) => {
      assert.deepEqual(await get('/health'), { status: 200, body: { status: 'ok', service: 'ml-engine' } })
    }))

  test('POST /score answers exactly the original fields, and 0.4 + 0.6 of the methods is the score, cold and warm', () =>
    withEngine(async ({ post, time }) => {
      for (let i = 0; i < 400; i++) {
        const { status, body } = await post('/score', { ...LOG, latency_ms: 40 + (i % 7) })
        assert.equal(status, 200)
        const { anomaly_score, methods } = Original.parse(body)
        const combined = 0.4 * methods.isolation_forest.anomaly_score + 0.6 * methods.sliding_window.anomaly_score
        assert.ok(Math.abs(anomaly_score - combined) < 1e-9)
        time.nowMs += 500
      }
      const slow = Original.parse((await post('/score', { ...LOG, level: 'ERROR', latency_ms: 90_000 })).body)
      assert.ok(slow.is_anomaly && slow.methods.sliding_window.metrics.latency_zscore > 3)
    }))

  for (const body of ['', '{}', 'null', '[]', '0', 'false', '""'])
    test(`POST /score with ${body || 'no body'} is 400 with the original's sentence`, () =>
      withEngine(async ({ post }) => {
        assert.deepEqual(await post('/score', body), { status: 400, body: { error: 'No log data provided' } })
      }))

  test('an empty body is the same without any content type', () =>
    withEngine(async ({ address }) => {
      const answer = await fetch(`${address}/score`, { method: 'POST' })
      assert.deepEqual([answer.status, await answer.json()], [400, { error: 'No log data provided' }])
    }))

  test('a latency of null, which broke the original, is a log without a latency', () =>
    withEngine(async ({ post }) => {
      const { status, body } = await post('/score', { ...LOG, latency_ms: null })
      assert.equal(status, 200)
      assert.equal(Original.parse(body).methods.sliding_window.metrics.latency_zscore, 0)
    }))

  test('GET /stats/:service counts the last five minutes; an unknown one is 404', () =>
    withEngine(async ({ post, get, time }) => {
      await post('/score', { ...LOG, latency_ms: 10, level: 'ERROR' })
      time.nowMs += 200_000
      await post('/score', { ...LOG, latency_ms: 30 })
      const both = {
        service: 'payment',
        window_minutes: 5,
        total_logs: 2,
        error_count: 1,
        error_rate: 0.5,
        avg_latency: 20,
        max_latency: 30,
        min_latency: 10,
      }
      assert.deepEqual(await get('/stats/payment'), { status: 200, body: both })
      time.nowMs += 200_000
      const late = StatsAnswer.parse((await get('/stats/payment')).body)
      assert.deepEqual([late.total_logs, late.error_rate, late.avg_latency], [1, 0, 30])
      time.nowMs += 3_600_000
      const silent = StatsAnswer.parse((await get('/stats/payment')).body)
      assert.deepEqual([silent.total_logs, silent.avg_latency, silent.min_latency], [0, 0, 0])
      assert.deepEqual(await get('/stats/nobody'), { status: 404, body: { error: 'Service not found' } })
    }))

  test('names of services are found as they were counted, whatever characters they have', () =>
    withEngine(async ({ post, get }) => {
      for (const service of ['a b/c?d=é', '__proto__', 'constructor', 'ü'.repeat(200)]) {
        await post('/score', { ...LOG, service })
        const { status, body } = await get(`/stats/${encodeURIComponent(service)}`)
        assert.deepEqual([status, StatsAnswer.parse(body).service], [200, service])
      }
    }))

  test('POST /train', () =>
    withEngine(async ({ post }) => {
      const data = Array.from({ length: 200 }, (_, i) => [50 + (i % 20), i % 40 === 0 ? 1 : 0])
      assert.deepEqual(await post('/train', { data }), {
        status: 200,
        body: { status: 'success', message: 'Model retrained' },
      })
      for (const nothing of ['', {}, { data: [] }, { data: null }, []])
        assert.deepEqual(await post('/train', nothing), { status: 400, body: { error: 'No training data provided' } })
    }))
})

describe('training', () => {
  const Prediction = z.strictObject({ anomaly_score: z.number(), is_anomaly: z.boolean(), method: z.string() })
  const usual = Array.from({ length: 500 }, (_, i) => [40 + ((i * 7) % 30), i % 50 === 0 ? 2 : 0])

  test('predict tells the usual from the unusual, beyond what it saw too, and learns nothing', () =>
    withEngine(async ({ post }) => {
      await post('/train', { data: usual })
      const ask = async (log: object) => Prediction.parse((await post('/predict', log)).body)
      const ordinary = await ask({ latency_ms: 55, level: 'INFO', service: 'payment' })
      const slow = await ask({ latency_ms: 60_000, level: 'ERROR', service: 'payment' })
      assert.equal(ordinary.is_anomaly, false)
      assert.equal(slow.is_anomaly, true)
      assert.ok(slow.anomaly_score > ordinary.anomaly_score)
      assert.deepEqual(await ask({ latency_ms: 55, level: 'INFO', service: 'payment' }), ordinary)
    }))

  test('until then the rules predict', () =>
    withEngine(async ({ post }) => {
      const { body } = await post('/predict', { latency_ms: 2500, level: 'ERROR', service: 'payment' })
      assert.deepEqual(body, { anomaly_score: 1, is_anomaly: true, method: 'rules' })
    }))

  test('data that cannot be trained on is 400 with the reason, and the forest in use stays', () =>
    withEngine(async ({ post }) => {
      await post('/train', { data: usual })
      const before = await post('/predict', { latency_ms: 55, level: 'INFO' })
      const bad: [unknown, RegExp][] = [
        [[[1]], /rows of two finite numbers/],
        [usual.map(() => [1, 2, 3]), /rows of two finite numbers/],
        [usual.map(() => [null, 0]), /rows of two finite numbers/],
        [usual.map(() => ['a', 0]), /rows of two finite numbers/],
        [[[1, 0]], /at least 32 rows/],
        [5, /data: expected an array/],
        [Array.from({ length: 100_001 }, () => [1, 0]), /at most 100000 rows/],
      ]
      for (const [data, reason] of bad) {
        const { status, body } = await post('/train', { data })
        assert.equal(status, 400)
        assert.match(z.strictObject({ error: z.string() }).parse(body).error, reason)
      }
      const huge = `{"data":[${usual.map(() => '[1e999,0]').join(',')}]}`
      assert.equal((await post('/train', huge)).status, 400)
      assert.deepEqual(await post('/predict', { latency_ms: 55, level: 'INFO' }), before)
      assert.equal((await post('/score', LOG)).status, 200)
    }))

  test('rows that are all equal still tell what is far away', () =>
    withEngine(async ({ post }) => {
      await post('/train', { data: usual.map(() => [50, 0]) })
      const far = Prediction.parse((await post('/predict', { latency_ms: 50_000, level: 'ERROR' })).body)
      assert.equal(far.is_anomaly, true)
      assert.equal(Prediction.parse((await post('/predict', { latency_ms: 50, level: 'INFO' })).body).is_anomaly, false)
    }))
})

describe('batches', () => {
  test('answers come in order, each as from /score, and a bad log answers in its place', () =>
    withEngine(async ({ post }) => {
      const logs: unknown[] = Array.from({ length: 500 }, (_, i) => ({ ...LOG, service: `s${i % 3}` }))
      logs[7] = { ...LOG, latency_ms: { ms: 5 } }
      logs[8] = 'text'
      logs[9] = null
      const { status, body } = await post('/score/batch', { logs })
      assert.equal(status, 200)
      const { results } = ScoreBatchAnswer.parse(body)
      assert.equal(results.length, 500)
      assert.deepEqual(results[7], { error: 'latency_ms: expected a number or null' })
      assert.deepEqual(results[8], { error: 'expected a JSON object' })
      assert.deepEqual(results[9], { error: 'No log data provided' })
      results.forEach((result, i) => {
        if (i < 7 || i > 9) assert.ok('methods' in Original.parse(result))
      })
      const windows = results.map((result) =>
        'methods' in result ? result.methods?.sliding_window.metrics : undefined,
      )
      assert.equal(windows[499]?.total_logs, 166, 's1 came 166 times, and the last answer has seen all of them')
    }))

  test('a batch scores as the same logs one by one do', () =>
    withEngine((one) =>
      withEngine(async (all) => {
        const logs = Array.from({ length: 300 }, (_, i) => ({
          ...LOG,
          level: i % 60 === 0 ? 'ERROR' : 'INFO',
          latency_ms: 20 + ((i * 13) % 50),
          timestamp: new Date(one.time.nowMs + i * 100 - 40_000).toISOString(),
        }))
        const singles = []
        for (const log of logs) singles.push((await one.post('/score?explain=1', log)).body)
        const { body } = await all.post('/score/batch?explain=1', { logs })
        assert.deepEqual(body, { results: singles })
      }),
    ))

  test('brief leaves the methods out, explain=anomalies explains only these', () =>
    withEngine(async ({ post }) => {
      const logs = [LOG, { ...LOG, level: 'ERROR', latency_ms: 5000 }]
      const { body } = await post('/score/batch?brief=1&explain=anomalies', { logs })
      const { results } = ScoreBatchAnswer.parse(body)
      assert.deepEqual(results[0], { is_anomaly: false, anomaly_score: 0 })
      const second = JudgementAnswer.parse(results[1])
      assert.equal(second.methods, undefined)
      assert.match(second.explanation?.why ?? '', /ERROR with a latency of 5000 ms/)
    }))

  test('limits: 10,000 logs, 8 MiB', () =>
    withEngine(async ({ post }) => {
      const many = Array.from({ length: 10_000 }, () => LOG)
      assert.equal((await post('/score/batch?brief=1', { logs: many })).status, 200)
      const more = await post('/score/batch', { logs: [...many, LOG] })
      assert.deepEqual(more, { status: 400, body: { error: 'logs: expected at most 10000 logs' } })
      const large = await post('/score/batch', { logs: [{ ...LOG, message: 'x'.repeat(8 * 1024 * 1024) }] })
      assert.equal(large.status, 413)
      assert.equal((await post('/score', { ...LOG, message: 'x'.repeat(1024 * 1024) })).status, 413)
    }))
})

describe('explanations', () => {
  test('explain=1 gives one with every answer', () =>
    withEngine(async ({ post }) => {
      const { body } = await post('/score?explain=1', LOG)
      const { explanation } = JudgementAnswer.parse(body)
      assert.equal(explanation?.warm, false)
      assert.equal(typeof explanation?.['top'], 'string')
      const same = JudgementAnswer.parse((await post('/score?explain=1', { ...LOG, message: 'charged order 18' })).body)
      assert.equal(same.explanation?.template_id, explanation?.template_id)
    }))

  test('a choice that is none is 400', () =>
    withEngine(async ({ post }) => {
      assert.equal((await post('/score?explain=maybe', LOG)).status, 400)
      assert.equal((await post('/score?explain=1&explain=0', LOG)).status, 400)
    }))
})

test('a service that falls silent is an alert, closed when it comes back; others may go on', () =>
  withEngine(async ({ post, get, time }) => {
    const startMs = time.nowMs
    const minutes = async (from: number, to: number, services: string[]): Promise<void> => {
      const logs = []
      for (let second = from * 60; second < to * 60; second++)
        for (const service of services)
          for (const part of [0, 500]) logs.push({ ...LOG, service, timestamp: startMs + second * 1000 + part })
      time.nowMs = startMs + to * 60_000
      for (let at = 0; at < logs.length; at += 10_000) {
        const { status } = await post('/score/batch?brief=1', { logs: logs.slice(at, at + 10_000) })
        assert.equal(status, 200)
      }
    }
    const alerts = async () => AlertsAnswer.parse((await get('/alerts')).body).alerts
    await minutes(0, 90, ['payment', 'search'])
    assert.deepEqual(await alerts(), [])
    await minutes(90, 100, ['search'])
    const [open, ...others] = await alerts()
    assert.deepEqual([open?.service, open?.until, others], ['payment', null, []])
    assert.ok(Date.parse(open?.raised_at ?? '') >= Date.parse(open?.since ?? ''))
    assert.ok(Math.abs(Date.parse(open?.since ?? '') - (startMs + 90 * 60_000)) <= 60_000, open?.since)
    await minutes(100, 115, ['payment', 'search'])
    const closed = (await alerts()).find(({ since }) => since === open?.since)
    assert.ok(closed !== undefined && closed.until !== null)
  }))

describe('snapshots', () => {
  test('a model goes on in another engine as if nothing had happened', () =>
    withEngine((first) =>
      withEngine(async (second) => {
        const batch = (from: number) => ({
          logs: Array.from({ length: 400 }, (_, i) => ({ ...LOG, latency_ms: 20 + (((from + i) * 13) % 50) })),
        })
        await first.post('/score/batch', batch(0))
        const bytes = await (await fetch(`${first.address}/snapshot`)).arrayBuffer()
        const put = await fetch(`${second.address}/snapshot`, {
          method: 'PUT',
          headers: { 'content-type': 'application/octet-stream' },
          body: bytes,
        })
        assert.deepEqual(await put.json(), { status: 'success', message: 'Model restored' })
        const [a, b] = [
          await first.post('/score/batch?brief=1', batch(400)),
          await second.post('/score/batch?brief=1', batch(400)),
        ]
        assert.deepEqual(b, a)
      }),
    ))

  test('bytes that are no snapshot change nothing', () =>
    withEngine(async ({ address, engine, post }) => {
      for (let i = 0; i < 200; i++) await post('/score', LOG)
      const before = Buffer.from(engine.snapshot())
      const cut = before.subarray(0, before.length - 9)
      const flipped = Buffer.from(before)
      flipped.writeUInt8(before.readUInt8(900) ^ 1, 900)
      for (const body of [cut, flipped, Buffer.from('no'), Buffer.alloc(0)]) {
        const headers = { 'content-type': 'application/octet-stream' }
        const answer = await fetch(`${address}/snapshot`, { method: 'PUT', headers, body })
        assert.equal(answer.status, 400)
      }
      assert.ok(Buffer.from(engine.snapshot()).equals(before))
    }))
})

describe('whatever a client sends', () => {
  const field = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(1e308, -1, 0, '12', '1e999', 'NaN', 'ERROR', '2026-01-01T00:00:00Z', -0, 2 ** 53, '\ud800', '\0'),
  )
  const log = fc.record(
    { service: field, level: field, message: field, latency_ms: field, timestamp: field, userId: field },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    fc.jsonValue(),
    log,
    fc.record({ logs: fc.oneof(fc.jsonValue(), fc.array(log, { maxLength: 4 })) }),
    fc.record({ data: fc.oneof(fc.jsonValue(), fc.array(fc.array(field, { maxLength: 3 }), { maxLength: 40 })) }),
  )

  test('any JSON on any route is 2xx or 4xx with a reason, and the engine is well afterwards', () =>
    withEngine(async ({ post, faults }) => {
      const routes = [
        '/score',
        '/score?explain=1',
        '/score/batch',
        '/predict',
        '/train',
        '/snapshot',
        '/health',
        '/none',
      ]
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...routes), body, async (route, sent) => {
          const { status, body: answer } = await post(route, JSON.stringify(sent))
          if (status !== 200) {
            assert.ok(status >= 400 && status < 500, `${status}`)
            assert.ok(z.strictObject({ error: z.string().min(3) }).safeParse(answer).success, JSON.stringify(answer))
          }
        }),
        { numRuns: 600 },
      )
      assert.deepEqual(faults, [])
      assert.equal((await post('/score', LOG)).status, 200)
    }))

  test('what is no JSON is 400, another type 415, a deep one 400 at once', () =>
    withEngine(async ({ post }) => {
      assert.deepEqual(await post('/score', '{"service":'), { status: 400, body: { error: 'The body is not JSON' } })
      const form = await post('/score', 'service=a', { 'content-type': 'application/x-www-form-urlencoded' })
      assert.deepEqual(form, { status: 415, body: { error: 'Expected content-type application/json' } })
      const deep = await post('/score/batch', '['.repeat(4_000_000))
      assert.deepEqual(
        deep,
        { status: 400, body: { error: 'JSON nested deeper than 64 levels' } },
        'before it is parsed',
      )
    }))

  test('unknown routes, methods and addresses that cannot be decoded have a reason too', () =>
    withEngine(async ({ get, address }) => {
      assert.deepEqual(await get('/none'), { status: 404, body: { error: 'Not found' } })
      assert.deepEqual(await get('/score'), { status: 405, body: { error: 'Method not allowed' } })
      const { status, body } = await get('/stats/%zz')
      assert.equal(status, 400)
      assert.ok(z.strictObject({ error: z.string() }).safeParse(body).success)
      assert.equal((await fetch(`${address}/train`, { method: 'DELETE' })).headers.get('allow'), 'POST')
    }))

  test('headers too long, a body too slow, no HTTP at all', () =>
    withEngine(
      async ({ address }) => {
        const { port } = new URL(address)
        const raw = async (text: string): Promise<string> => {
          const socket = connect(Number(port), '127.0.0.1')
          let heard = ''
          socket.on('data', (chunk) => (heard += chunk))
          socket.write(text)
          await once(socket, 'close')
          return heard
        }
        assert.match(await raw(`GET /health HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1.1 431 .*"error"/s)
        assert.match(await raw('nonsense\r\n\r\n'), /^HTTP\/1.1 400 .*"error"/s)
        const slow = await raw('POST /score HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{')
        assert.match(slow, /^HTTP\/1.1 408 .*"error"/s)
      },
      { requestTimeoutMs: 300 },
    ))

  test('more requests at once than it takes on are 429, and /health answers all the same', () =>
    withEngine(
      async ({ address, get, post }) => {
        const held = [1, 2].map(() => {
          const sending = request(`${address}/score`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'content-length': 100 },
          })
          sending.on('error', () => undefined)
          sending.write('{')
          return sending
        })
        let refused = await post('/score', LOG)
        while (refused.status === 200) refused = await post('/score', LOG)
        assert.equal(refused.status, 429)
        assert.equal((await get('/health')).status, 200)
        for (const each of held) each.destroy()
        while ((await post('/score', LOG)).status !== 200) await new Promise(setImmediate)
      },
      { requestsMax: 2 },
    ))
})

test('with a token every route but /health asks for it', () =>
  withEngine(
    async ({ get, post }) => {
      assert.equal((await get('/health')).status, 200)
      const asked = { status: 401, body: { error: 'A bearer token is needed' } }
      for (const path of ['/', '/stats/a', '/metrics', '/snapshot', '/openapi.json'])
        assert.deepEqual(await get(path), asked)
      assert.deepEqual(await post('/score', LOG), asked)
      assert.equal((await post('/score', LOG, { authorization: 'Bearer wrong' })).status, 401)
      assert.equal((await post('/score', LOG, { authorization: 'Bearer secret' })).status, 200)
    },
    { token: 'secret' },
  ))

test('the OpenAPI page has every route, and the answers are as it says', () =>
  withEngine(async ({ get, seen }) => {
    const Page = z.looseObject({
      openapi: z.literal('3.1.0'),
      paths: z.record(z.string(), z.record(z.string(), z.unknown())),
    })
    const { paths } = Page.parse((await get('/openapi.json')).body)
    assert.deepEqual(Object.keys(paths).sort(), [
      '/', '/alerts', '/health', '/metrics', '/openapi.json', '/predict', '/score', '/score/batch', '/snapshot', '/stats/{service}', '/train',
    ]) // biome-ignore format: one line
    const metrics = await get('/metrics')
    assert.equal(metrics.body, 'insighthub_engine_logs_total 0\n')
    assert.ok(seen.some(({ route, status }) => route === '/openapi.json' && status === 200))
  }))

test('whoever opens the port in a browser finds every route of the OpenAPI page, and may look at those that only read', () =>
  withEngine(async ({ address, get }) => {
    const front = await fetch(`${address}/`)
    assert.equal(front.status, 200)
    assert.equal(front.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.match(front.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.equal(front.headers.get('x-content-type-options'), 'nosniff')
    const text = await front.text()
    const links = [...text.matchAll(/href="([^"]*)"/g)].map((found) => found[1] ?? '')
    assert.deepEqual(links.toSorted(), ['/alerts', '/health', '/metrics', '/openapi.json', '/snapshot'])
    for (const link of links) assert.equal((await get(link)).status, 200, link)
    const { paths } = z
      .looseObject({ paths: z.record(z.string(), z.unknown()) })
      .parse((await get('/openapi.json')).body)
    for (const path of Object.keys(paths)) assert.ok(text.includes(path), path)
    const head = await fetch(`${address}/`, { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [200, ''])
    assert.equal((await fetch(`${address}/`, { method: 'POST' })).status, 405)
  }))

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { ProcessorError } from '../../src/errors.ts'
import { type HttpOptions, type HttpServer, startHttp } from '../../src/http/server.ts'

/** How long the server keeps a connection that asks nothing. */
const KEPT_MS = 10_000

async function serving(over: Partial<HttpOptions>, use: (server: HttpServer) => Promise<void>): Promise<void> {
  const server = await startHttp({
    host: '127.0.0.1',
    port: 0,
    readiness: () => ({ ready: true, missing: [], degraded: [] }),
    live: () => true,
    status: () => ({ partitions: [] }),
    metrics: async () => 'insighthub_logs_stored_total 5\n',
    ...over,
  })
  try {
    await use(server)
  } finally {
    await server.close()
  }
}

test('each page answers with its status, its type and its body', async () => {
  await serving({}, async ({ address }) => {
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/)
    const live = await fetch(`${address}/livez`)
    assert.deepEqual([live.status, await live.json()], [200, { live: true }])
    const ready = await fetch(`${address}/readyz`)
    assert.deepEqual([ready.status, await ready.json()], [200, { ready: true, missing: [], degraded: [] }])
    const metrics = await fetch(`${address}/metrics`)
    assert.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    assert.equal(await metrics.text(), 'insighthub_logs_stored_total 5\n')
    const status = await fetch(`${address}/status`)
    assert.deepEqual([status.status, await status.json()], [200, { partitions: [] }])
    for (const name of ['server', 'x-powered-by', 'access-control-allow-origin'])
      assert.equal(status.headers.get(name), null)
  })
})

test('whoever opens the port in a browser finds every page, each of which is there, and the state', async () => {
  await serving({}, async ({ address }) => {
    const front = await fetch(`${address}/`)
    assert.equal(front.status, 200)
    assert.equal(front.headers.get('content-type'), 'text/html; charset=utf-8')
    assert.match(front.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.equal(front.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(front.headers.get('cache-control'), 'no-store')
    const text = await front.text()
    assert.match(text, /<p>Ready\.<\/p>/)
    const links = [...text.matchAll(/href="([^"]*)"/g)].map((found) => found[1] ?? '')
    assert.deepEqual(links, ['/status', '/metrics', '/readyz', '/livez'])
    for (const link of links) assert.equal((await fetch(address + link)).status, 200, link)

    const head = await fetch(`${address}/`, { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [200, ''])
    assert.equal(head.headers.get('content-security-policy'), front.headers.get('content-security-policy'))
    assert.equal(Number(head.headers.get('content-length')), Buffer.byteLength(text))
  })
})

test("what is missing stands on the browser's page as text, whatever it says", async () => {
  const readiness = () => ({
    ready: false,
    missing: ['Kafka: <script>alert(1)</script> & "more"', 'PostgreSQL'],
    degraded: ['scores: flat'],
  })
  await serving({ readiness }, async ({ address }) => {
    const front = await fetch(`${address}/`)
    assert.equal(front.status, 200, 'the page is there, whatever the service lacks')
    assert.ok(
      (await front.text()).includes(
        '<p>Not ready: Kafka: &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;; PostgreSQL. Degraded: scores: flat.</p>',
      ),
    )
  })
})

test('[P33] not ready and not alive are 503, with what is missing', async () => {
  const missing = ['the consumer group']
  const readiness = () => ({ ready: false, missing, degraded: ['the ML engine'] })
  await serving({ readiness, live: () => false }, async ({ address }) => {
    const ready = await fetch(`${address}/readyz`)
    assert.deepEqual([ready.status, await ready.json()], [503, { ready: false, missing, degraded: ['the ML engine'] }])
    assert.equal((await fetch(`${address}/livez`)).status, 503)
  })
})

test('nothing is writable, and a fault of ours shows no stack', async () => {
  const metrics = async () => {
    throw new Error('password in a sentence')
  }
  await serving({ metrics }, async ({ address }) => {
    assert.equal((await fetch(`${address}/status`, { method: 'POST', body: '{}' })).status, 404)
    const unknown = await fetch(`${address}/nothing`)
    assert.deepEqual([unknown.status, await unknown.json()], [404, { error: 'Not found' }])
    const fault = await fetch(`${address}/metrics`)
    assert.deepEqual([fault.status, await fault.json()], [500, { error: 'Internal error' }])
  })
})

test('headers beyond 8 KiB are refused', async () => {
  await serving({}, async ({ address }) => {
    const status = await new Promise((resolve, reject) => {
      request(`${address}/livez`, { headers: { 'x-long': 'x'.repeat(10_000) } }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
        .on('error', reject)
        .end()
    })
    assert.equal(status, 431)
  })
})

test('a port in use is one clear sentence', async () => {
  await serving({}, async ({ address }) => {
    const port = Number(new URL(address).port)
    await assert.rejects(
      serving({ port }, async () => undefined),
      (error: unknown) =>
        error instanceof ProcessorError &&
        error.code === 'HTTP_UNAVAILABLE' &&
        error.message.startsWith(`HTTP_PORT ${port} on 127.0.0.1 is in use by another process`),
    )
  })
})

test('closing ends idle connections, and does not wait until they end by themselves', async () => {
  await serving({}, async ({ address, close }) => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    socket.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'data')
    const startedMs = performance.now()
    await Promise.all([close(), once(socket, 'close')])
    assert.ok(performance.now() - startedMs < KEPT_MS / 2)
    await assert.rejects(fetch(`${address}/livez`))
  })
})

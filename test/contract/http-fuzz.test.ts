/** Requests of every shape at every route of both ports: 2xx, 4xx or a closed connection, and the server answers the next one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/demo/random.ts'
import { startHttp } from '../../src/http/server.ts'
import { fuzzHttp } from '../fuzz/http.ts'
import { withEngine } from '../support/engine-server.ts'

test("the worker's port", { timeout: 600_000 }, async () => {
  const server = await startHttp({
    host: '127.0.0.1',
    port: 0,
    readiness: () => ({ ready: true, missing: [], degraded: [] }),
    live: () => true,
    status: () => ({}),
    metrics: async () => '',
  })
  const port = Number(new URL(server.address).port)
  const paths = ['/livez', '/readyz', '/metrics', '/status', '/', '/nothing']
  assert.deepEqual(await fuzzHttp(new Random(1), { port, paths }, 500), [])
  assert.equal((await fetch(`${server.address}/livez`)).status, 200)
  await server.close()
})

test("the ML engine's port", { timeout: 600_000 }, () =>
  withEngine(async ({ address, get }) => {
    const port = Number(new URL(address).port)
    const paths = [
      '/score',
      '/score/batch',
      '/score?explain=1',
      '/train',
      '/stats',
      '/stats/a',
      '/predict',
      '/alerts',
      '/snapshot',
      '/metrics',
      '/openapi.json',
      '/health',
      '/',
    ]
    assert.deepEqual(await fuzzHttp(new Random(2), { port, paths }, 1_000), [])
    assert.equal((await get('/health')).status, 200)
  }),
)

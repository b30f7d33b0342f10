import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { run, statusTable } from '../../../src/commands/status.ts'

test('something else than a worker at the address is told as such', async () => {
  for (const [status, body] of [
    [200, '{"status":"ok"}'],
    [404, '{"error":"Not found"}'],
    [200, 'null'],
  ] as const) {
    const server = createServer((_request, answer) => answer.writeHead(status).end(body)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await assert.rejects(run({ url: `http://127.0.0.1:${port}` }, {}), {
      code: 'INPUT',
      message: /is no worker.*--url/,
    })
    server.close()
    server.closeAllConnections()
  }
})

test('where nobody answers, the sentence says what to name', async () => {
  const env = { HTTP_HOST: '::', HTTP_PORT: '1' }
  await assert.rejects(run({}, env), { code: 'INPUT', message: /No worker answers on http:\/\/\[::1\]:1: .*HTTP_PORT/ })
})

const STATUS = {
  version: '1',
  guarantee: 'exactly once',
  ready: true,
  missing: [],
  topic: 'logs',
  topic_partitions: 0,
  group: 'g',
  generation: 1,
  member: 'm',
  kafka: { protocol: 'SASL_SSL', mechanism: 'PLAIN', certificates_checked: false },
  store: 'ready',
  buffered_bytes: 0,
  ml_engine: null,
  partitions: [],
  scores: [],
} as const

test('how Kafka is spoken to is told, and that nobody checks its certificates', () => {
  assert.match(statusTable(STATUS), /^kafka +SASL_SSL +PLAIN +certificates NOT checked \(KAFKA_TLS_INSECURE\)$/m)
})

test('shares of logs are told as people write them, and not before there are any', () => {
  const young = { state: 'unknown', quantiles: null, drift: null, anomaly_share: 0, fallback_share: 0, services: 2, warm_services: 0 } // biome-ignore format: one line
  const line = (scores: Partial<typeof young>): string | undefined =>
    /^scores .*$/m.exec(statusTable({ ...STATUS, scores: [{ ...young, ...scores }] }))?.[0]
  assert.equal(line({}), 'scores      unknown   (known after a minute and 2,000 logs)   services 2, warm 0')
  assert.match(line({ anomaly_share: 0.000412, fallback_share: 1 }) ?? '', / anomalies 0\.041 % {3}fallback 100 % /)
  assert.match(line({ state: 'all_low' }) ?? '', / anomalies 0 % {3}fallback 0 % /)
})

test('a partition that is not read is told with the reason, and nothing is claimed of its lag', () => {
  const read = { partition: 0, state: 'running', epoch: 7, next_offset: 12, end_offset: 12, lag_records: 0, lag_seconds: 0, suspended: null } // biome-ignore format: one line
  const reason = 'Partition 1 ends at 5, the ledger stands at 9'
  const other = { ...read, partition: 1, state: 'suspended', next_offset: 9, end_offset: 9, suspended: reason }
  const table = statusTable({ ...STATUS, degraded: [`Kafka: ${reason}`], partitions: [read, other] })
  assert.match(table, /^ +0 {2}running +7 +12 +12 +0 +0\.0$/m)
  assert.match(table, /^ +1 {2}suspended +7 +9 +- +- +-$/m)
  assert.match(table, /^degraded {4}Kafka: Partition 1 ends at 5, the ledger stands at 9$/m)
})

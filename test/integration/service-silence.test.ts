/** A service falls silent and comes back: one row in service_alerts, opened and closed, by a worker that is killed in between. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

const server = withServer()
const START_MS = Date.UTC(2026, 0, 1)
const STEP_MS = 500
const MINUTE = 60_000
/** Event time, in ms after the start. */
const SILENT_FROM = 120 * MINUTE
const SILENT_TO = 130 * MINUTE
const END = 140 * MINUTE

function logs(fromMs: number, toMs: number): { value: Buffer }[] {
  const messages: { value: Buffer }[] = []
  for (let ms = fromMs, at = 0; ms < toMs; ms += STEP_MS, at++) {
    const service = at % 2 === 0 ? 'payment' : 'search'
    if (service === 'payment' && ms >= SILENT_FROM && ms < SILENT_TO) continue
    const timestamp = new Date(START_MS + ms).toISOString()
    const log = { service, level: 'INFO', message: 'request served', latency_ms: 20 + ((at * 7) % 13), timestamp }
    messages.push({ value: Buffer.from(JSON.stringify(log)) })
    // Silent with it, and muted.
    if (service === 'payment') messages.push({ value: Buffer.from(JSON.stringify({ ...log, service: 'nightly' })) })
  }
  return messages
}

describe('a service that falls silent', { timeout: 600_000 }, () => {
  const workers: Worker[] = []
  let broker: Awaited<ReturnType<typeof startEmbeddedBroker>>
  before(async () => {
    broker = await startEmbeddedBroker({})
  })
  after(async () => {
    for (const each of workers) each.kill('SIGKILL')
    await Promise.all(workers.map((each) => each.exited))
    await broker.close()
  })

  test('is one row of service_alerts, opened with the silence and closed with its end, whoever was killed meanwhile', async () => {
    const { client, options } = await migratedDatabase(server())
    const { host, port, database, user, password } = options
    const worker = (): Worker => {
      const started = startWorker({
        DB_HOST: host,
        DB_PORT: String(port),
        DB_NAME: database,
        DB_USER: user,
        DB_PASSWORD: password ?? '',
        KAFKA_BROKER: broker.address,
        KAFKA_TOPIC: 'logs',
        KAFKA_START: 'earliest',
        KAFKA_SESSION_TIMEOUT_MS: '2000',
        KAFKA_HEARTBEAT_INTERVAL_MS: '500',
      })
      workers.push(started)
      return started
    }
    const stored = async (): Promise<number> => Number((await client.query('select count(*) n from logs')).rows[0].n)
    const alerts = async () =>
      (
        await client.query(
          `select service, kind, until is null as open, observed, expected, explanation->>'why' as why,
                  round(extract(epoch from since - to_timestamp(${START_MS / 1000})) / 60)::int as since_minute,
                  round(extract(epoch from until - to_timestamp(${START_MS / 1000})) / 60)::int as until_minute
             from service_alerts
            where not explanation ? 'muted'
            order by since`,
        )
      ).rows
    await client.query(
      `insert into anomaly_mute (namespace, service, since, until, why)
       values ('default', 'nightly', to_timestamp(${(START_MS + SILENT_FROM) / 1000}), to_timestamp(${(START_MS + SILENT_TO) / 1000}), 'known')`,
    )
    const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
    await producer.createTopic('logs', 1)

    const [first, second] = [logs(0, SILENT_TO), logs(SILENT_TO, END)]
    await producer.send('logs', first)
    const killed = worker()
    await until('the silence is stored', async () => (await stored()) === first.length)
    const [opened, ...others] = await alerts()
    assert.deepEqual(others, [])
    assert.deepEqual(
      [opened?.service, opened?.kind, opened?.open, opened?.observed, opened?.since_minute],
      ['payment', 'silence', true, 0, 120],
    )
    assert.ok(Math.abs(opened.expected - 60) < 6, `expected ${opened.expected} a minute`)
    assert.ok(opened.why.length > 10)

    killed.kill('SIGKILL')
    await killed.exited
    worker()
    await producer.send('logs', second)
    await producer.close()
    await until('its end is stored', async () => (await stored()) === first.length + second.length)
    const [closed, ...more] = await alerts()
    assert.deepEqual(more, [])
    assert.deepEqual([closed?.open, closed?.since_minute], [false, 120])
    assert.ok(closed.until_minute >= 130 && closed.until_minute <= 132, `closed after ${closed.until_minute} minutes`)
    assert.equal(closed.why, opened.why)
    const muted = `select service, until is not null as closed, explanation->>'muted' as mute from service_alerts where explanation ? 'muted'`
    assert.deepEqual((await client.query(muted)).rows, [{ service: 'nightly', closed: true, mute: '1' }])
  })
})

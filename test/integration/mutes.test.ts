/** The table of mutes, its commands, and a worker that obeys them. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type pg from 'pg'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { addMute, endMute, listMutes, readMutes } from '../../src/postgres/mute-table.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')
const server = withServer()
const HOUR_MS = 3_600_000

describe('the table of mutes', { timeout: 600_000 }, () => {
  test('a mute begins a minute from now, is listed until its end, and ends a minute after its removal', async () => {
    const { options: database, client } = await migratedDatabase(server())
    const scope = { database, namespace: 'default' }
    const nowMs = async (): Promise<number> =>
      Number((await client.query('select extract(epoch from clock_timestamp()) * 1000 as n')).rows[0].n)
    const asked = { service: 'payment', templateId: null, sinceMs: null, untilMs: null, lengthMs: HOUR_MS, why: 'x' }
    const earliest = await nowMs()
    const added = await addMute(scope, asked)
    assert.ok(added.sinceMs >= earliest + 59_999 && added.sinceMs <= (await nowMs()) + 60_000)
    assert.deepEqual([added.untilMs - added.sinceMs, added.state], [HOUR_MS, 'pending'])
    const begun = await addMute(scope, { ...asked, sinceMs: 0, service: `pay'"ment`, templateId: 'ffff', lengthMs: 1 })
    assert.deepEqual([begun.service, begun.templateId, begun.untilMs, begun.state], [`pay'"ment`, 'ffff', 1, 'ended'])
    assert.deepEqual(
      (await listMutes(scope, false)).map(({ id }) => id),
      [added.id],
    )
    assert.deepEqual(
      (await listMutes(scope, true)).map(({ id }) => id),
      [begun.id, added.id],
    )
    assert.deepEqual(await listMutes({ ...scope, namespace: 'other' }, true), [])
    const running = await addMute(scope, { ...asked, sinceMs: earliest - 1000 })
    assert.equal(running.state, 'active')
    const askedMs = await nowMs()
    const ended = await endMute(scope, running.id)
    assert.ok(ended !== null && ended.state === 'active')
    assert.ok(ended.untilMs >= askedMs + 59_999 && ended.untilMs <= (await nowMs()) + 60_000)
    assert.equal(await endMute(scope, 999), null)
    await endMute(scope, added.id)
    const read = (await readMutes(scope)).map(({ id }) => id)
    assert.ok(read.includes(running.id) && read.includes(begun.id), 'logs of their time may still come')
  })
})

describe('a worker', { timeout: 600_000 }, () => {
  const workers: Worker[] = []
  let broker: Awaited<ReturnType<typeof startEmbeddedBroker>>
  let client: pg.Client
  before(async () => {
    broker = await startEmbeddedBroker({})
  })
  after(async () => {
    for (const each of workers) each.kill('SIGKILL')
    await Promise.all(workers.map((each) => each.exited))
    await broker.close()
  })

  test('stores what a mute names with its score, but not as an anomaly, and counts it', async () => {
    const database = await migratedDatabase(server())
    client = database.client
    const { host, port, database: name, user, password } = database.options
    const env = { DB_HOST: host, DB_PORT: String(port), DB_NAME: name, DB_USER: user, DB_PASSWORD: password ?? '' }
    const command = (...args: string[]): unknown => {
      const ran = spawnSync(process.execPath, [main, 'mutes', ...args, '--json'], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      })
      assert.equal(ran.status, 0, ran.stderr)
      return JSON.parse(ran.stdout)
    }
    const atMs = Date.UTC(2026, 0, 1)
    const from = new Date(atMs).toISOString()
    const until_ = new Date(atMs + 60_000).toISOString()
    command('add', '--service', 'quiet', '--from', from, '--until', until_, '--why', 'a known batch')
    assert.equal((command('list', '--ended') as unknown[]).length, 1)

    const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
    await producer.createTopic('logs', 1)
    const slow = (service: string, afterMs: number): { value: Buffer } => ({
      value: Buffer.from(
        JSON.stringify({
          service,
          level: 'ERROR',
          message: 'too slow',
          latency_ms: 5000,
          timestamp: new Date(atMs + afterMs).toISOString(),
        }),
      ),
    })
    await producer.send('logs', [slow('quiet', 1000), slow('loud', 1000), slow('quiet', 60_000)])
    await producer.close()
    const worker = startWorker({
      ...env,
      KAFKA_BROKER: broker.address,
      KAFKA_TOPIC: 'logs',
      KAFKA_START: 'earliest',
    })
    workers.push(worker)
    const stored = async () =>
      (
        await client.query(
          `select service, anomaly_score > 0.5 as high, is_anomaly, (explanation->>'muted') is not null as muted from logs order by kafka_offset`,
        )
      ).rows
    await until('all rows', async () => (await stored()).length === 3)
    assert.deepEqual(await stored(), [
      { service: 'quiet', high: true, is_anomaly: false, muted: true },
      { service: 'loud', high: true, is_anomaly: true, muted: false },
      { service: 'quiet', high: true, is_anomaly: true, muted: false },
    ])
    assert.match((await worker.get('/metrics')).body, /^insighthub_muted_total 1$/m)
    const { scores } = JSON.parse((await worker.get('/status')).body)
    const young = { state: 'unknown', quantiles: null, drift: null, anomaly_share: 0, fallback_share: 0 }
    assert.deepEqual(scores, [{ ...young, services: 2, warm_services: 0 }])
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(worker.output())?.[0] ?? ''
    const { stdout } = spawnSync(process.execPath, [main, 'status', '--url', url], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    assert.match(stdout, /^scores {6}unknown {3}\(known after a minute and 2,000 logs\) {3}services 2, warm 0$/m)
  })
})

/** `process --workers 3`: one supervisor, one port, three members of the group; a worker killed, all replaced, all stopped. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

interface Status {
  ready: boolean
  partitions: { partition: number; lag_records: number }[]
  workers: { worker: number; pid: number | null; ready: boolean; restarts: number }[]
}

describe('several workers under one supervisor', { timeout: 600_000 }, () => {
  let broker: Awaited<ReturnType<typeof startEmbeddedBroker>>
  let postgres: EmbeddedPostgres
  let database: pg.Client
  let supervisor: Worker
  const topic = 'logs'

  before(async () => {
    postgres = await startEmbeddedPostgres({ durable: false })
    broker = await startEmbeddedBroker({})
    database = new pg.Client({ connectionString: postgres.url })
    await database.connect()
    supervisor = startWorker(
      {
        KAFKA_BROKER: broker.address,
        KAFKA_START: 'earliest',
        KAFKA_SESSION_TIMEOUT_MS: '3000',
        KAFKA_HEARTBEAT_INTERVAL_MS: '500',
        DATABASE_URL: postgres.url,
      },
      ['--workers', '3'],
    )
  })
  after(async () => {
    supervisor.kill('SIGKILL')
    await supervisor.exited
    await database.end()
    await broker.close()
    await postgres.close()
  })

  const status = async (): Promise<Status> => JSON.parse((await supervisor.get('/status')).body) as Status
  const stored = async (): Promise<number> =>
    Number((await database.query('select count(distinct metadata->>$1) n from logs', ['id'])).rows[0].n)
  const isWhole = async (): Promise<boolean> => {
    const { ready, partitions, workers } = await status()
    return ready && workers.length === 3 && partitions.length === 6
  }

  test('every log is stored once by three processes, one killed on the way and all replaced one by one', async () => {
    const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
    await producer.createTopic(topic, 6)
    const send = (from: number): Promise<unknown> =>
      producer.send(
        topic,
        Array.from({ length: 500 }, (_, i) => ({
          value: Buffer.from(JSON.stringify({ service: 'a', level: 'INFO', message: 'm', id: from + i })),
        })),
      )
    await supervisor.ready()
    await until('three workers share six partitions', isWhole)
    await send(0)
    const victim = (await status()).workers[1]
    assert.ok(victim?.pid)
    process.kill(victim.pid, 'SIGKILL')
    await send(500)
    await until('the killed worker is back', async () => {
      const { workers } = await status()
      return (await isWhole()) && workers[1]?.restarts === 1 && workers[1]?.pid !== victim.pid
    })
    const before = (await status()).workers.map(({ pid }) => pid)
    supervisor.kill('SIGHUP')
    await until('all are replaced', async () => {
      const { workers } = await status()
      return (await isWhole()) && workers.every(({ pid }, at) => pid !== null && pid !== before[at])
    })
    await send(1000)
    await until('all stored', async () => (await stored()) === 1500)
    const { rows } = await database.query('select count(*)::int n from logs')
    assert.equal(rows[0].n, 1500)
    let page = ''
    const lags = (): (readonly [string | undefined, string | undefined])[] =>
      [...page.matchAll(/^insighthub_lag_records\{worker="(\d)",partition="(\d)"\} 0$/gm)].map(([, w, p]) => [w, p])
    await until('the lag of every partition is 0', async () => {
      page = (await supervisor.get('/metrics')).body
      return lags().length === 6
    })
    assert.equal(new Set(lags().map(([worker]) => worker)).size, 3)
    assert.equal(new Set(lags().map(([, partition]) => partition)).size, 6)
    assert.match(page, /^insighthub_workers 3$/m)
    assert.match(page, /^insighthub_worker_restarts_total 1$/m)
    await producer.close()
  })

  test('SIGTERM drains all of them and answers 0; a supervisor that dies takes its workers along', async () => {
    const pids = (await status()).workers.map(({ pid }) => pid)
    supervisor.kill('SIGTERM')
    assert.equal(await supervisor.exited, 0)
    for (const pid of pids) assert.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' })

    const another = startWorker({ KAFKA_BROKER: broker.address, DATABASE_URL: postgres.url }, ['--workers', '2'])
    await another.ready()
    const orphans = (JSON.parse((await another.get('/status')).body) as Status).workers.map(({ pid }) => pid)
    another.kill('SIGKILL')
    assert.equal(await another.exited, 'SIGKILL')
    await until('the workers are gone', () =>
      orphans.every((pid) => {
        try {
          return !process.kill(pid ?? 0, 0)
        } catch {
          return true
        }
      }),
    )
  })
})

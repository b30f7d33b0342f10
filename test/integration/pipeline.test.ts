/**
 * The whole service as its users run it: real processes, a broker (embedded, and Apache Kafka where it can be had), a real
 * PostgreSQL. Every message carries an id; SQL on that id says what became of it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { hostileMessages } from '../../src/demo/hostile.ts'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

interface Broker {
  readonly address: string
  close(): Promise<unknown>
}
const missing = process.env['TEST_KAFKA_BROKERS'] === undefined ? realKafkaMissing() : null
const brokers: [string, () => Promise<Broker>][] = [['the embedded broker', () => startEmbeddedBroker({})]]
if (missing === null) brokers.push(['Apache Kafka', startRealKafka])
else process.stdout.write(`left out: the pipeline on Apache Kafka (${missing})\n`)

function log(id: number): Buffer {
  const level = id % 50 === 0 ? 'ERROR' : 'INFO'
  return Buffer.from(
    JSON.stringify({
      service: `service-${id % 7}`,
      level,
      message: `request ${id} served`,
      latency_ms: 20 + (id % 40),
      timestamp: new Date(1_764_700_000_000 + id * 10).toISOString(),
      id,
    }),
  )
}

for (const [name, open] of brokers) {
  describe(`on ${name}`, { timeout: 600_000 }, () => {
    let broker: Broker
    let postgres: EmbeddedPostgres
    let database: pg.Client
    const workers: Worker[] = []
    const topic = `logs-${process.pid}`

    const worker = (): Worker => {
      const started = startWorker({
        KAFKA_BROKER: broker.address,
        KAFKA_TOPIC: topic,
        KAFKA_START: 'earliest',
        KAFKA_SESSION_TIMEOUT_MS: '6000',
        KAFKA_HEARTBEAT_INTERVAL_MS: '1000',
        DATABASE_URL: postgres.url,
      })
      workers.push(started)
      return started
    }
    const count = async (sql: string): Promise<number> => Number((await database.query(sql)).rows[0].n)
    const stored = (): Promise<number> =>
      count(`select count(distinct metadata->>'id') n from logs where metadata ? 'id'`)

    before(async () => {
      postgres = await startEmbeddedPostgres({ durable: false })
      broker = await open()
      database = new pg.Client({ connectionString: postgres.url })
      await database.connect()
      database.on('error', () => undefined)
    })
    after(async () => {
      for (const each of workers) each.kill('SIGKILL')
      await Promise.all(workers.map((each) => each.exited))
      await database.end()
      await broker.close()
      await postgres.close()
    })

    test('[F1] [F12] [F19] every log is stored once, through a kill, a graceful stop and a join; hostile messages end as the table says', async () => {
      const first = worker()
      await first.said(topic) // it says that it waits for the topic
      const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
      await producer.createTopic(topic, 4)
      const hostile = hostileMessages()
      const total = 40_000
      const [second, third] = [worker(), worker()]
      await Promise.all([first.ready(), second.ready(), third.ready()])
      for (let id = 0; id < total; id += 1000) {
        await producer.send(
          topic,
          Array.from({ length: 1000 }, (_, i) => ({ value: log(id + i) })),
        )
        if (id === 4000) await producer.send(topic, hostile)
        if (id === 12_000) {
          await until('some rows', async () => (await stored()) > 2000)
          second.kill('SIGKILL')
        }
        if (id === 20_000) third.kill('SIGTERM')
        if (id === 26_000) await worker().ready()
      }
      await producer.close()
      assert.equal(await third.exited, 0, third.output())
      const accounted = `select coalesce(sum(records + dead + skipped), 0) n from ingest_ledger`
      await until('every record accounted for', async () => (await count(accounted)) === total + hostile.length)

      assert.equal(await stored(), total)
      assert.equal(await count(`select count(*) n from logs where metadata ? 'id'`), total)
      const dead = await database.query<{ reason: string; n: number }>(
        'select reason, count(*)::int n from ingest_dead_letter group by 1',
      )
      const expected = new Map<string, number>()
      for (const { expected: outcome } of hostile) {
        const reasons = outcome.kind === 'dead' ? [outcome.reason] : outcome.kind === 'mixed' ? outcome.dead : []
        for (const reason of reasons) expected.set(reason, (expected.get(reason) ?? 0) + 1)
      }
      assert.deepEqual(new Map(dead.rows.map((row) => [row.reason, row.n])), expected)
      const rows = hostile.reduce(
        (sum, { expected: e }) => sum + (e.kind === 'rows' ? e.count : e.kind === 'mixed' ? e.rows : 0),
        0,
      )
      assert.equal(await count('select count(*) n from logs'), total + rows)
      assert.equal(await count('select sum(total_logs) n from log_aggregates'), total + rows)
      assert.equal(
        await count(
          'select count(*) n from ingest_ledger where records + dead + skipped + holes + gaps <> next_offset - base_offset',
        ),
        0,
      )
    })

    test('[P33] [F5] PostgreSQL stopped in the middle: nothing is lost, doubled or dead-lettered, and it goes on by itself', async () => {
      const before = await count('select count(*) n from logs')
      const dead = await count('select count(*) n from ingest_dead_letter')
      const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
      const extra = 10_000
      const send = (from: number): Promise<unknown> =>
        producer.send(
          topic,
          Array.from({ length: 1000 }, (_, i) => ({ value: log(1_000_000 + from + i) })),
        )
      for (let id = 0; id < extra / 2; id += 1000) await send(id)
      await database.end()
      await postgres.stop('immediate')
      for (let id = extra / 2; id < extra; id += 1000) await send(id)
      await producer.close()
      await postgres.restart()
      database = new pg.Client({ connectionString: postgres.url })
      await database.connect()
      database.on('error', () => undefined)
      await until('the rest', async () => (await count('select count(*) n from logs')) >= before + extra)
      assert.equal(await count('select count(*) n from logs'), before + extra)
      assert.equal(
        await count(`select count(distinct metadata->>'id') n from logs where (metadata->>'id')::bigint >= 1000000`),
        extra,
      )
      assert.equal(await count('select count(*) n from ingest_dead_letter'), dead)
    })

    test('[F20] a stop commits what is in hand, leaves the group and exits 0', async () => {
      const running = workers.filter((each) => each.child.exitCode === null && each.child.signalCode === null)
      for (const each of running) each.kill('SIGTERM')
      assert.deepEqual(
        await Promise.all(running.map((each) => each.exited)),
        running.map(() => 0),
      )
    })
  })
}

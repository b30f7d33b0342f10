/** A worker stays within MEMORY_LIMIT_MB, what its messages and partitions are: RSS, as the kernel counts it, at its highest. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { benchLog } from '../../src/bench/logs.ts'
import { rssMb } from '../../src/bench/process-usage.ts'
import { sendAll } from '../../src/commands/produce.ts'
import { Random } from '../../src/demo/random.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { type RealKafka, realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { until } from '../support/until.ts'
import { startWorker } from '../support/worker.ts'

const LIMIT_MB = 256
/** Run from its sources without a cache of compiled code, Node's own stripper of types is in memory, too. */
const STRIPPER_MB = 16
const PARTITIONS = 256
const LOGS = 200_000
const LARGE = 60
const LARGE_BYTES = 9_400_000

const missing = process.env['TEST_KAFKA_BROKERS'] === undefined ? realKafkaMissing() : null
if (missing !== null) process.stdout.write(`left out: memory under large messages on Apache Kafka (${missing})\n`)

describe('memory of a worker', { timeout: 600_000, skip: missing ?? false }, () => {
  let kafka: RealKafka
  let postgres: EmbeddedPostgres
  let database: pg.Client
  let producer: Producer
  before(async () => {
    postgres = await startEmbeddedPostgres({ durable: false })
    kafka = await startRealKafka()
    database = new pg.Client({ connectionString: postgres.url })
    await database.connect()
    producer = await openProducer({ brokers: [kafka.address], clientId: 'test' })
  })
  after(async () => {
    await producer?.close()
    await database?.end()
    await kafka?.close()
    await postgres?.close()
  })

  /** Peak RSS of a worker that works off the topic, in MiB. */
  async function peakOf(topic: string, records: number): Promise<number> {
    const env = { KAFKA_BROKER: kafka.address, KAFKA_TOPIC: topic, KAFKA_GROUP_ID: topic, KAFKA_START: 'earliest' }
    const worker = startWorker({
      ...env,
      INSIGHTHUB_NAMESPACE: topic,
      DATABASE_URL: postgres.url,
      MEMORY_LIMIT_MB: `${LIMIT_MB}`,
    })
    try {
      await worker.ready()
      const text = 'select coalesce(sum(records + dead), 0) n from ingest_ledger where namespace = $1'
      const done = async (): Promise<boolean> => Number((await database.query(text, [topic])).rows[0].n) === records
      await until('everything is in the database', done)
      return rssMb(worker.child.pid ?? 0, 'VmHWM') ?? Number.NaN
    } finally {
      worker.kill('SIGKILL')
      await worker.exited
    }
  }

  test('a backlog of 256 partitions', async (t) => {
    const topic = `partitions-${process.pid}`
    await producer.createTopic(topic, PARTITIONS)
    const random = new Random(1)
    function* messages() {
      for (let index = 0; index < LOGS; index++) yield { value: benchLog(random, index) }
    }
    await sendAll({ producer, topic }, messages(), { rate: undefined, clock: () => performance.now() })
    const peak = await peakOf(topic, LOGS)
    t.diagnostic(`${peak} MiB`)
    assert.ok(peak <= LIMIT_MB + STRIPPER_MB, `${peak} MiB`)
  })

  test('a backlog of messages of 9.4 MB, which become dead letters', async (t) => {
    const topic = `large-${process.pid}`
    await producer.createTopic(topic, 4, { 'max.message.bytes': '20000000' })
    const value = benchLog(new Random(1), 0, { services: 1, bytes: LARGE_BYTES })
    for (let sent = 0; sent < LARGE; sent++) await producer.sendTo(topic, sent % 4, [{ value }])
    const peak = await peakOf(topic, LARGE)
    t.diagnostic(`${peak} MiB`)
    assert.ok(peak <= LIMIT_MB + STRIPPER_MB, `${peak} MiB`)
    const { rows } = await database.query(
      'select count(*)::int n from ingest_dead_letter where reason = $1 and namespace = $2',
      ['too_large', topic],
    )
    assert.equal(rows[0].n, LARGE)
  })
})

/**
 * PostgreSQL is pulled away for a minute while 5,000 logs a second arrive. Nothing is lost, twice or a dead letter, the worker
 * stays the same process and member, and its memory flat. OUTAGE_SECONDS changes the minute.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { sendAll } from '../../src/commands/produce.ts'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { startWorker, until, type Worker } from '../support/worker.ts'

const RATE = 5_000
const OUTAGE_SECONDS = Number(process.env['OUTAGE_SECONDS'] ?? 60)
const [BEFORE, DURING, AFTER] = [10 * RATE, OUTAGE_SECONDS * RATE, 10 * RATE]
const TOTAL = BEFORE + DURING + AFTER
const RSS_MIB_MAX = 300
const TOPIC = `logs-${process.pid}`

const missing = process.env['TEST_KAFKA_BROKERS'] === undefined ? realKafkaMissing() : null
if (missing !== null)
  process.stdout.write(`left out: the outage on Apache Kafka (${missing}); the embedded broker stands in\n`)

function* logs(): Generator<{ value: Buffer }> {
  for (let id = 0; id < TOTAL; id++) {
    const timestamp = new Date().toISOString()
    const message = `request ${id * 7919} of u-${id % 5000} served by node ${id % 17}`
    yield {
      value: Buffer.from(
        JSON.stringify({
          service: `service-${id % 12}`,
          level: 'INFO',
          message,
          latency_ms: 20 + (id % 40),
          timestamp,
          id,
        }),
      ),
    }
  }
}

/** The most that a process has ever held, in MiB; null where the system does not tell. */
function peakRssMib(pid: number): number | null {
  const file = `/proc/${pid}/status`
  if (!existsSync(file)) return null
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(file, 'utf8'))?.[1]) / 1024
}

describe(`PostgreSQL away for ${OUTAGE_SECONDS} s under ${RATE} logs/s`, { timeout: 900_000 }, () => {
  let broker: { address: string; close(): Promise<unknown> }
  let postgres: EmbeddedPostgres
  let producer: Producer
  let worker: Worker

  before(async () => {
    postgres = await startEmbeddedPostgres({ durable: true })
    broker = missing === null ? await startRealKafka() : await startEmbeddedBroker({})
    producer = await openProducer({ brokers: [broker.address], clientId: 'test', runMessages: 1 })
    await producer.createTopic(TOPIC, 4)
    worker = startWorker({ KAFKA_BROKER: broker.address, KAFKA_TOPIC: TOPIC, DATABASE_URL: postgres.url })
    await worker.ready()
  })
  after(async () => {
    worker?.kill('SIGKILL')
    await worker?.exited
    await producer?.close()
    await broker?.close()
    await postgres?.close()
  })

  async function sql<Row extends pg.QueryResultRow>(text: string): Promise<Row> {
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    const { rows } = await client.query<Row>(text)
    await client.end()
    return rows[0]!
  }
  const members = (): string => (JSON.parse(status) as { member: string }).member
  let status = ''

  test('[F5] [F27] costs nothing but time', async (context) => {
    status = (await worker.get('/status')).body
    const member = members()
    let sent = 0
    const pace = { rate: RATE, clock: () => performance.now() }
    const sending = sendAll({ producer, topic: TOPIC }, logs(), pace, (n) => {
      sent = n
    })
    sending.catch(() => undefined)
    await until('ten seconds of logs', () => sent >= BEFORE, 300_000)
    await postgres.stop('immediate')
    await until('the outage is told', async () => (await worker.get('/readyz')).body.includes('PostgreSQL'), 60_000)
    const calmMib = peakRssMib(worker.child.pid ?? 0)
    await until('the outage is over', () => sent >= BEFORE + DURING, 600_000)
    assert.equal((await worker.get('/readyz')).status, 503)
    assert.equal((await worker.get('/livez')).status, 200)
    await postgres.restart()
    const backMs = performance.now()
    await sending
    await until(
      'everything is stored',
      async () => (await sql<{ n: number }>('select count(*)::int n from logs')).n >= TOTAL,
      300_000,
    )
    context.diagnostic(`caught up ${((performance.now() - backMs) / 1000).toFixed(1)} s after PostgreSQL was back`)
    const peakMib = peakRssMib(worker.child.pid ?? 0)
    context.diagnostic(`peak RSS ${calmMib?.toFixed(0)} MiB before, ${peakMib?.toFixed(0)} MiB after`)
    const ids = `select count(*)::int as rows, count(distinct metadata->>'id')::int as ids from logs`
    assert.deepEqual(await sql(ids), { rows: TOTAL, ids: TOTAL })
    assert.deepEqual(await sql('select count(*)::int n from ingest_dead_letter'), { n: 0 })
    assert.ok(peakMib === null || peakMib <= RSS_MIB_MAX, `${peakMib} MiB`)
    status = (await worker.get('/status')).body
    assert.equal(members(), member, 'it never left the group')
    await until('ready', async () => (await worker.get('/readyz')).status === 200, 30_000)
  })
})

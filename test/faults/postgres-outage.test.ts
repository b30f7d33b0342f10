/**
 * PostgreSQL is pulled away for a minute while 5,000 logs a second arrive. Nothing is lost, twice or a dead letter, the worker
 * stays the same process and member, and its memory flat: by the slope of what is left after full garbage collections, an outage of
 * an hour would stay within the bound as well. Garbage itself is left out of the slope, as V8 lets it grow for minutes before it
 * collects; the peak has it. OUTAGE_SECONDS and OUTAGE_RATE change the minute and the logs a second.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, describe, type TestContext, test } from 'node:test'
import pg from 'pg'
import { sendAll } from '../../src/commands/produce.ts'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { type Collector, collectorOf, INSPECTED } from '../support/garbage-collection.ts'
import { realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { type Point, slopeOf } from '../support/slope.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

const RATE = Number(process.env['OUTAGE_RATE'] ?? 5_000)
const OUTAGE_SECONDS = Number(process.env['OUTAGE_SECONDS'] ?? 60)
const [BEFORE, DURING, AFTER] = [10 * RATE, OUTAGE_SECONDS * RATE, 10 * RATE]
const TOTAL = BEFORE + DURING + AFTER
const RSS_MIB_MAX = 300
const HOUR_S = 3_600
const SAMPLE_EVERY_S = Math.max(1, OUTAGE_SECONDS / 120)
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

/** What a process holds, and the most it has ever held, in MiB; null where the system does not tell. */
function rssMib(pid: number): { now: number; peak: number } | null {
  const file = `/proc/${pid}/status`
  if (!existsSync(file)) return null
  const status = readFileSync(file, 'utf8')
  const mib = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
  return { now: mib('VmRSS'), peak: mib('VmHWM') }
}

describe(`PostgreSQL away for ${OUTAGE_SECONDS} s under ${RATE} logs/s`, {
  timeout: 900_000 + 6_000 * OUTAGE_SECONDS,
}, () => {
  let broker: { address: string; close(): Promise<unknown> }
  let postgres: EmbeddedPostgres
  let producer: Producer
  let worker: Worker
  let collector: Collector

  before(async () => {
    postgres = await startEmbeddedPostgres({ durable: true })
    broker = missing === null ? await startRealKafka() : await startEmbeddedBroker({})
    producer = await openProducer({ brokers: [broker.address], clientId: 'test', runMessages: 1 })
    await producer.createTopic(TOPIC, 4)
    worker = startWorker({
      ...INSPECTED,
      KAFKA_BROKER: broker.address,
      KAFKA_TOPIC: TOPIC,
      DATABASE_URL: postgres.url,
    })
    await worker.ready()
    collector = await collectorOf(worker)
  })
  after(async () => {
    collector?.close()
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

  /** The first value that is the same for three seconds. */
  async function steady(read: () => Promise<number>): Promise<number> {
    let [value, sinceMs] = [Number.NaN, 0]
    await until('the buffer is full', async () => {
      const now = await read()
      if (now !== value) [value, sinceMs] = [now, performance.now()]
      return now > 0 && performance.now() - sinceMs >= 3_000
    })
    return value
  }

  /** From what was held while PostgreSQL was away and nothing more could be fetched: what it would come to. */
  function holdsForAnHour(context: TestContext, samples: readonly Point[]): void {
    const { perSecond, low, high } = slopeOf(samples)
    const mibPerHour = (slope: number): string => `${(slope * HOUR_S).toFixed(1)}`
    const held = samples.at(-1)?.value ?? 0
    const inAnHour = held + perSecond * HOUR_S
    context.diagnostic(
      `RSS after a collection, while away: ${samples.length} samples over ${((samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)).toFixed(0)} s, ` +
        `${held.toFixed(0)} MiB, slope ${mibPerHour(perSecond)} MiB/h (95 %: ${mibPerHour(low)} to ${mibPerHour(high)})`,
    )
    assert.ok(inAnHour <= RSS_MIB_MAX, `${inAnHour.toFixed(0)} MiB after an hour`)
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
    const calmMib = rssMib(worker.child.pid ?? 0)?.peak
    const buffered = async (): Promise<number> => JSON.parse((await worker.get('/status')).body).buffered_bytes
    const full = await steady(buffered)
    const samples: Point[] = []
    const isOver = async (): Promise<boolean> => {
      const at = performance.now() / 1000
      if (at - (samples.at(-1)?.at ?? 0) >= SAMPLE_EVERY_S) {
        await collector.collect()
        const rss = rssMib(worker.child.pid ?? 0)
        if (rss !== null) samples.push({ at, value: rss.now })
      }
      return sent >= BEFORE + DURING
    }
    await until('the outage is over', isOver, 1_000 * (300 + 4 * OUTAGE_SECONDS))
    assert.equal(await buffered(), full, 'nothing more was fetched')
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
    const peakMib = rssMib(worker.child.pid ?? 0)?.peak
    context.diagnostic(`peak RSS ${calmMib?.toFixed(0)} MiB before, ${peakMib?.toFixed(0)} MiB after`)
    if (samples.length > 0) holdsForAnHour(context, samples)
    const ids = `select count(*)::int as rows, count(distinct metadata->>'id')::int as ids from logs`
    assert.deepEqual(await sql(ids), { rows: TOTAL, ids: TOTAL })
    assert.deepEqual(await sql('select count(*)::int n from ingest_dead_letter'), { n: 0 })
    assert.ok(peakMib === undefined || peakMib <= RSS_MIB_MAX, `${peakMib} MiB`)
    status = (await worker.get('/status')).body
    assert.equal(members(), member, 'it never left the group')
    await until('ready', async () => (await worker.get('/readyz')).status === 200, 30_000)
  })
})

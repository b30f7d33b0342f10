/**
 * Half a million logs on Apache Kafka and PostgreSQL, with every row of the table of bad input among them, 10,000 broken messages
 * in a row, 20,000 services of one log each and 20,000 times the same text. Three `npm start`, of which one is killed, one is told
 * to stop, and one joins on the way. SQL on the id in each message says what became of it. WALK_LOGS changes the number.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { hostileMessages } from '../../src/demo/hostile.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { type Sent, wrongFates } from '../support/fates.ts'
import { type RealKafka, realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { until } from '../support/until.ts'
import { startNpm, type Worker } from '../support/worker.ts'

const LOGS = Number(process.env['WALK_LOGS'] ?? 500_000)
const BROKEN = 10_000
const PARTITIONS = 4
const TOPIC = `logs-${process.pid}`
const GROUP = 'log-processors'

const missing = process.env['TEST_KAFKA_BROKERS'] === undefined ? realKafkaMissing() : null
if (missing !== null) process.stdout.write(`left out: half a million logs on Apache Kafka (${missing})\n`)

function log(id: number): Buffer {
  const service = id % 25 === 0 ? `once-${id}` : `service-${id % 12}`
  const message = id % 25 === 1 ? 'the same text again' : `request ${id * 7919} of u-${id % 5000} served`
  const level = id % 90 === 0 ? 'ERROR' : 'INFO'
  const timestamp = new Date(1_764_700_000_000 + id * 20).toISOString()
  return Buffer.from(JSON.stringify({ service, level, message, latency_ms: 20 + (id % 40), timestamp, id }))
}

const broken = (id: number): Buffer => Buffer.from(`{"service":"broken","id":${id}`)

describe('half a million logs', { timeout: 900_000, skip: missing ?? false }, () => {
  let kafka: RealKafka
  let postgres: EmbeddedPostgres
  let database: pg.Client
  let producer: Producer
  const workers: Worker[] = []
  const start = (): Worker => {
    const worker = startNpm({
      KAFKA_BROKER: kafka.address,
      KAFKA_TOPIC: TOPIC,
      DATABASE_URL: postgres.url,
      WORKERS: '1',
    })
    workers.push(worker)
    return worker
  }
  const count = async (sql: string): Promise<number> => Number((await database.query(sql)).rows[0].n)
  const accounted = (): Promise<number> =>
    count('select coalesce(sum(records + dead + skipped), 0) n from ingest_ledger')

  before(async () => {
    postgres = await startEmbeddedPostgres({ durable: true })
    kafka = await startRealKafka()
    database = new pg.Client({ connectionString: postgres.url })
    await database.connect()
    producer = await openProducer({ brokers: [kafka.address], clientId: 'test' })
    // The broker's own guard against far-off record times would keep some of the hostile ones from us.
    await producer.createTopic(TOPIC, PARTITIONS, { 'message.timestamp.after.max.ms': '9223372036854775807' })
  })
  after(async () => {
    for (const each of workers) each.kill('SIGKILL')
    await producer?.close()
    await database?.end()
    await kafka?.close()
    await postgres?.close()
  })

  /** Everything, as fast as Kafka takes it; the hostile ones one by one, so that their places are known. */
  async function produce(): Promise<Sent[]> {
    const hostile = hostileMessages()
    const sent: Sent[] = []
    const every = Math.max(1000, Math.floor(LOGS / hostile.length / 1000) * 1000)
    for (let id = 0; id < LOGS; id += 1000) {
      const size = Math.min(1000, LOGS - id)
      await producer.send(
        TOPIC,
        Array.from({ length: size }, (_, i) => ({ value: log(id + i) })),
      )
      const message = id % every === 0 ? hostile[id / every] : undefined
      if (message !== undefined) sent.push(await place(message))
      if (id === 100_000)
        await producer.sendTo(
          TOPIC,
          1,
          Array.from({ length: BROKEN }, (_, i) => ({ value: broken(i) })),
        )
    }
    for (const message of hostile.slice(sent.length)) sent.push(await place(message))
    return sent

    async function place(message: (typeof hostile)[number]): Promise<Sent> {
      const partition = sent.length % PARTITIONS
      return { message, partition, offset: await producer.sendTo(TOPIC, partition, [message]) }
    }
  }

  test('each is once in the table or in the dead letters, through a kill, a stop and a join', async (context) => {
    const [, killed, stopped] = [start(), start(), start()]
    await Promise.all(workers.map((worker) => worker.ready()))
    const startedMs = performance.now()
    const producing = produce()
    producing.catch(() => undefined)
    const reached = (share: number) =>
      until(`${share} of the logs`, async () => (await accounted()) >= LOGS * share, 600_000)
    await reached(0.2)
    killed?.kill('SIGKILL')
    await reached(0.45)
    stopped?.kill('SIGTERM')
    await reached(0.6)
    await start().ready()
    const sent = await producing
    const total = LOGS + BROKEN + sent.length
    await until('everything accounted for', async () => (await accounted()) >= total, 600_000)
    const seconds = (performance.now() - startedMs) / 1000
    context.diagnostic(`${total} messages in ${seconds.toFixed(1)} s, ${Math.round(total / seconds)}/s`)
    context.diagnostic(String((await database.query('select version()')).rows[0].version))

    assert.equal(await stopped?.exited, 0, stopped?.output())
    assert.equal(await accounted(), total)
    const { rows } = await database.query(
      `select count(*)::int as rows, count(distinct id)::int as ids, min(id), max(id)
         from (select (metadata->>'id')::int as id from logs where metadata ? 'id') of_ours`,
    )
    assert.deepEqual(rows[0], { rows: LOGS, ids: LOGS, min: 0, max: LOGS - 1 })
    assert.equal(
      await count(
        `select count(distinct (part, "offset")) n from ingest_dead_letter
          where reason = 'bad_json' and encode(value, 'escape') like '{"service":"broken","id":%'`,
      ),
      BROKEN,
    )
    assert.deepEqual(await wrongFates(database, sent), [])
    assert.equal(
      await count('select sum(dead + dead_items) n from ingest_ledger'),
      await count('select count(*) n from ingest_dead_letter'),
    )
    assert.equal(
      await count('select sum(rows_written) n from ingest_ledger'),
      await count('select count(*) n from logs'),
    )
    assert.equal(
      await count('select sum(total_logs) n from log_aggregates'),
      await count('select count(*) n from logs'),
    )
    assert.equal(
      await count(
        'select count(*) n from ingest_ledger where records + dead + skipped + holes + gaps <> next_offset - base_offset',
      ),
      0,
    )
  })

  test("Kafka's own tool shows the members and no lag", async (context) => {
    const describeGroup = (): Promise<string> =>
      kafka.tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
        ...['--bootstrap-server', kafka.address, '--describe', '--group', GROUP],
      ])
    const rowsOf = (text: string): string[][] =>
      text
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((cells) => cells[1] === TOPIC)
    let said = ''
    await until('lag 0', async () => {
      said = await describeGroup()
      const rows = rowsOf(said)
      return rows.length === PARTITIONS && rows.every((cells) => cells[5] === '0')
    })
    for (const line of said.trim().split('\n')) context.diagnostic(line)
    assert.equal(new Set(rowsOf(said).map((cells) => cells[6])).size, 2, said)
  })
})

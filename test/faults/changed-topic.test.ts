/**
 * What Kafka's administrators do, on Apache Kafka and PostgreSQL: records are deleted before the worker has read them, on a partition
 * with a future and on one without; and the topic is deleted and made again while the worker runs.
 */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Admin, Kafka as KafkaJs, logLevel, Partitioners, type Producer } from 'kafkajs'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { type RealKafka, realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

const skip = realKafkaMissing() ?? false
const TOPIC = `changed-${process.pid}`

describe('a topic that changes under the worker', { skip, timeout: 600_000 }, () => {
  let kafka: RealKafka
  let postgres: EmbeddedPostgres
  let client: pg.Client
  let admin: Admin
  let producer: Producer
  let worker: Worker

  before(async () => {
    ;[kafka, postgres] = await Promise.all([startRealKafka(), startEmbeddedPostgres({ durable: false })])
    const js = new KafkaJs({ brokers: [kafka.address], logLevel: logLevel.NOTHING, retry: { retries: 20 } })
    admin = js.admin()
    producer = js.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    client = new pg.Client({ connectionString: postgres.url })
    await Promise.all([admin.connect(), producer.connect(), client.connect()])
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 2 }] })
    worker = start()
    await worker.ready()
  })
  after(async () => {
    worker?.kill('SIGKILL')
    await worker?.exited
    await Promise.all([admin?.disconnect(), producer?.disconnect(), client?.end()])
    await Promise.all([kafka?.close(), postgres?.close()])
  })

  const start = (topic = TOPIC, from = 'earliest'): Worker =>
    startWorker({
      KAFKA_BROKER: kafka.address,
      KAFKA_TOPIC: topic,
      KAFKA_START: from,
      DATABASE_URL: postgres.url,
    })

  async function send(partition: number, count: number, topic = TOPIC): Promise<void> {
    const messages = Array.from({ length: count }, (_, id) => ({
      partition,
      value: JSON.stringify({ service: 'auth', level: 'INFO', message: `log ${id}`, latency_ms: 12 }),
    }))
    await producer.send({ topic, messages })
  }

  /** By Kafka's own tool; what it says where it did not do it. */
  async function deleteBefore(offsets: readonly number[]): Promise<void> {
    const folder = await scratchFolder('delete')
    try {
      const file = join(folder, 'offsets.json')
      const partitions = offsets.map((offset, partition) => ({ topic: TOPIC, partition, offset }))
      await writeFile(file, JSON.stringify({ version: 1, partitions }))
      const args = ['--bootstrap-server', kafka.address, '--offset-json-file', file]
      const said = await kafka.tool('org.apache.kafka.tools.DeleteRecordsCommand', args)
      for (const offset of offsets) assert.match(said, new RegExp(`low_watermark: ${offset}\\b`))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  async function sql<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    return (await client.query<Row>(text)).rows
  }

  /** Where the newest incarnation stands, partition by partition. */
  async function positions(): Promise<number[]> {
    const rows = await sql<{ next: string }>(
      'select next_offset as next from ingest_ledger where incarnation = (select max(incarnation) from ingest_ledger) order by part',
    )
    return rows.map(({ next }) => Number(next))
  }

  async function stands(wanted: readonly number[]): Promise<void> {
    let found: number[] = []
    const there = async (): Promise<boolean> => {
      found = await positions()
      return found.length === wanted.length && found.every((next, part) => next === wanted[part])
    }
    await until(`the ledger at ${wanted}`, there).catch((error: Error) => {
      throw new Error(`${error.message}; it stands at ${found}\n${worker.output().slice(-3_000)}`)
    })
  }

  test('[F15] what retention took before it was read is a gap of exactly that, also where nothing more comes', async () => {
    await send(0, 1_000)
    await send(1, 1_000)
    await stands([1_000, 1_000])
    worker.kill('SIGTERM')
    assert.equal(await worker.exited, 0)
    await send(0, 500)
    await send(1, 100)
    // Of partition 0 a part of what nobody has read; of partition 1 all of it.
    await deleteBefore([1_200, 1_100])
    worker = start()
    await stands([1_500, 1_100])
    assert.deepEqual(
      await sql('select part, from_offset::int as from, to_offset::int as to, reason from ingest_gap order by part'),
      [
        { part: 0, from: 1_000, to: 1_200, reason: 'retention' },
        { part: 1, from: 1_000, to: 1_100, reason: 'retention' },
      ],
    )
    assert.deepEqual(
      await sql(
        'select kafka_partition as part, count(*)::int as rows, count(*) filter (where kafka_offset between 1000 and 1199)::int as gone from logs group by 1 order by 1',
      ),
      [
        { part: 0, rows: 1_300, gone: 0 },
        { part: 1, rows: 1_000, gone: 0 },
      ],
    )
    assert.match((await worker.get('/metrics')).body, /^insighthub_gap_offsets_total(\{.*\})? 300$/m)
  })

  test('[F16] deleted and made again while it is read: the new log is stored whole, as an incarnation of its own', async () => {
    const before = await sql<{ n: number }>('select count(*)::int as n from logs')
    await admin.deleteTopics({ topics: [TOPIC] })
    // Until the deletion is through, the name is taken: false.
    const topics = [{ topic: TOPIC, numPartitions: 2 }]
    const made = (): Promise<boolean> => admin.createTopics({ topics, waitForLeaders: false }).catch(() => false)
    await until('the topic is made again', made)
    await send(0, 300)
    await send(1, 50)
    await stands([300, 50])
    assert.deepEqual(await sql('select count(*)::int as n from logs'), [{ n: (before[0]?.n ?? 0) + 350 }])
    assert.deepEqual(
      await sql(
        'select incarnation, part, records::int, (records + dead + skipped + holes + gaps = next_offset - base_offset) as whole from ingest_ledger order by 1, 2',
      ),
      [
        { incarnation: 0, part: 0, records: 1_300, whole: true },
        { incarnation: 0, part: 1, records: 1_000, whole: true },
        { incarnation: 1, part: 0, records: 300, whole: true },
        { incarnation: 1, part: 1, records: 50, whole: true },
      ],
    )
    assert.equal(worker.child.exitCode, null, 'the same worker all along')
  })

  test('[P17] a log that begins at its end is the same under later leaders, before anything of it is stored', async () => {
    worker.kill('SIGTERM')
    assert.equal(await worker.exited, 0)
    const topic = `${TOPIC}-latest`
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    await send(0, 100, topic)
    worker = start(topic, 'latest')
    await worker.ready()
    const row = `from ingest_ledger where topic = '${topic}'`
    assert.deepEqual(await sql(`select next_offset::int as next, leader_epoch as led, tail_offset as tail ${row}`), [
      { next: 100, led: 0, tail: null },
    ])
    // Each start of the broker is another leader's epoch, and nothing is written in the one between.
    for (let epoch = 1; epoch <= 2; epoch++) {
      kafka.kill('SIGKILL')
      await kafka.start()
    }
    await send(0, 10, topic)
    await until('what came after the pin is stored', async () => {
      const [found] = await sql<{ next: string; led: number }>(`select next_offset as next, leader_epoch as led ${row}`)
      return Number(found?.next) === 110 && (found?.led ?? 0) >= 2
    })
    assert.match((await worker.get('/metrics')).body, /^insighthub_gap_offsets_total(\{.*\})? 0$/m)
  })
})

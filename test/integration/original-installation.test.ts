/** A worker in the place of the original: its environment, its table with rows, its readers, and its own writer still at work. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { ORIGINAL_INSERT, ORIGINAL_READERS, ORIGINAL_ROWS, ORIGINAL_SCHEMA } from '../support/original-schema.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

const LOGS = 2_000
const OLD_ROWS = 1_000
const OLD_COLUMNS = 8

describe('an original installation', { timeout: 600_000 }, () => {
  let broker: Awaited<ReturnType<typeof startEmbeddedBroker>>
  let postgres: EmbeddedPostgres
  let database: pg.Client
  let worker: Worker | undefined

  before(async () => {
    broker = await startEmbeddedBroker({})
    postgres = await startEmbeddedPostgres({ durable: false })
    database = new pg.Client({ connectionString: postgres.url })
    await database.connect()
    await database.query(ORIGINAL_SCHEMA)
    await database.query(ORIGINAL_ROWS)
  })
  after(async () => {
    worker?.kill('SIGKILL')
    await worker?.exited
    await database?.end()
    await broker?.close()
    await postgres?.close()
  })

  /** Names and types of what the readers see, new columns of `select *` apart. */
  async function shapes(): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {}
    for (const [name, sql] of Object.entries(ORIGINAL_READERS)) {
      const { fields, rows } = await database.query(sql)
      assert.ok(rows.length > 0, `${name} finds something`)
      const old = fields.slice(0, OLD_COLUMNS)
      found[name] = old.map((field) => [field.name, field.dataTypeID])
    }
    return found
  }

  test('is gone on with by our worker, beside its writer, for its readers', async () => {
    const before = await shapes()
    const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
    await producer.createTopic('logs', 3)
    worker = startWorker({
      KAFKA_BROKER: broker.address,
      DB_HOST: postgres.host,
      DB_PORT: String(postgres.port),
      DB_NAME: postgres.database,
      DB_USER: postgres.user,
      DB_PASSWORD: postgres.password,
    })
    await worker.said('🚀 Processor service started and ready')
    const client = new pg.Client({ connectionString: postgres.url })
    await client.connect()
    let writing = true
    let written = 0
    const writer = (async () => {
      for (; writing; written++) {
        const { rows } = await client.query(ORIGINAL_INSERT, ['old', 'ERROR', 'm', 17, 0.5, true, new Date()])
        assert.match(rows[0].log_id, /^\d+$/)
      }
    })()
    writer.catch(() => undefined)
    for (let id = 0; id < LOGS; id += 100) {
      const timestamp = new Date().toISOString()
      await producer.send(
        'logs',
        Array.from({ length: 100 }, (_, i) => ({
          value: Buffer.from(
            JSON.stringify({ service: 'service-2', level: 'ERROR', message: `m ${id + i}`, latency_ms: 3, timestamp }),
          ),
        })),
      )
    }
    await producer.close()
    const ours = async (): Promise<number> =>
      (await database.query(`select count(*)::int n from logs where ingest_topic_id is not null`)).rows[0].n
    await until('ours are stored', async () => (await ours()) >= LOGS)
    writing = false
    await writer
    await client.end()
    assert.ok(written > 0)
    const { rows } = await database.query('select count(*)::int as n, count(distinct log_id)::int as ids from logs')
    const all = OLD_ROWS + written + LOGS
    assert.deepEqual(rows[0], { n: all, ids: all })
    assert.deepEqual(await shapes(), before)
    const newest = await database.query(ORIGINAL_READERS['newest'] ?? '')
    assert.ok(
      newest.rows.every((row) => row.message.startsWith('m ')),
      'the newest are ours',
    )
  })

  test('a stop is said as an operator expects it, and exits 0', async () => {
    worker?.kill('SIGTERM')
    assert.equal(await worker?.exited, 0, worker?.output())
  })
})

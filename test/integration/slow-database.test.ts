/** A PostgreSQL that takes milliseconds a row: batches become as small as it needs, also far behind, and none comes near the deadline. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { until } from '../support/until.ts'
import { startWorker } from '../support/worker.ts'

const LOGS = 8_000
const HOUR_MS = 3_600_000

const SLOW_ROWS = `
create function rest() returns trigger language plpgsql as $$ begin perform pg_sleep(0.002); return new; end $$;
create trigger rest before insert on logs for each row execute function rest();`

/** Rows by transaction and partition: every row of one has the same now(). */
const BY_TRANSACTION = `
select count(*)::int as rows from logs group by ingested_at, kafka_partition % 2 order by ingested_at`

test('far behind a slow database, batches are small and every log is stored at the first try', {
  timeout: 600_000,
}, async (t) => {
  const opened: (() => Promise<unknown>)[] = []
  t.after(async () => {
    for (const close of opened.reverse()) await close()
  })
  const postgres = await startEmbeddedPostgres({ durable: false })
  opened.push(() => postgres.close())
  const broker = await startEmbeddedBroker({})
  opened.push(() => broker.close())
  const database = new pg.Client({ connectionString: postgres.url })
  await database.connect()
  opened.push(() => database.end())
  const worker = startWorker({
    KAFKA_BROKER: broker.address,
    KAFKA_START: 'earliest',
    DATABASE_URL: postgres.url,
    LOG_FORMAT: 'json',
  })
  opened.push(() => {
    worker.kill('SIGKILL')
    return worker.exited
  })
  await until(
    'tables',
    async () => (await database.query(`select to_regclass('ingest_ledger') as t`)).rows[0].t !== null,
  )
  await database.query(SLOW_ROWS)
  const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
  await producer.createTopic('logs', 2)
  const timestamp = Date.now() - HOUR_MS
  for (let sent = 0; sent < LOGS; sent += 1000) {
    const value = (id: number) => Buffer.from(JSON.stringify({ service: 's', message: `m ${id}`, timestamp, id }))
    await producer.send(
      'logs',
      Array.from({ length: 1000 }, (_, at) => ({ value: value(sent + at), timestamp })),
    )
  }
  await producer.close()
  const records = async (): Promise<number> =>
    Number((await database.query('select coalesce(sum(records), 0) as n from ingest_ledger')).rows[0].n)
  await until('some batches', async () => (await records()) > LOGS / 2)
  const { batching } = JSON.parse((await worker.get('/status')).body)
  assert.equal(batching.catching_up, true)
  assert.ok(batching.rows_max >= 100 && batching.rows_max <= 2_000, `${batching.rows_max} rows`)
  await until('all stored', async () => (await records()) === LOGS)
  const sizes = (await database.query<{ rows: number }>(BY_TRANSACTION)).rows.map(({ rows }) => rows)
  assert.equal(
    sizes.reduce((sum, rows) => sum + rows, 0),
    LOGS,
  )
  // The first batch is 1,000 records; a transaction has those of one of two partitions, 2 ms each.
  assert.ok(Math.max(...sizes) <= 1_000, `${sizes.join(' ')} rows`)
  assert.doesNotMatch(worker.output(), /no answer from PostgreSQL/)
})

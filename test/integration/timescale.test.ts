import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import pg from 'pg'
import { silentEvents } from '../../src/events.ts'
import { epochMs } from '../../src/log.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { migrate, readMigrations } from '../../src/postgres/migrate.ts'
import { createSchema, dropSchema } from '../../src/postgres/own-schema.ts'
import { logStore, pinRequest } from '../support/log-store.ts'
import { ORIGINAL_READERS, ORIGINAL_ROWS, ORIGINAL_SCHEMA } from '../support/original-schema.ts'
import { logAt, readyRange, rejectAt } from '../support/ready-ranges.ts'
import { startTimescale, type TimescaleServer } from '../support/timescale-server.ts'

const events = silentEvents()

async function withTimescale(work: (server: TimescaleServer, client: pg.Client) => Promise<void>): Promise<void> {
  const server = await startTimescale()
  const client = new pg.Client(server.options)
  client.on('error', () => undefined)
  try {
    await client.connect()
    await work(server, client)
  } finally {
    await client.end().catch(() => undefined)
    await server.close()
  }
}

async function one(client: pg.Client, sql: string): Promise<unknown> {
  return (await client.query(sql)).rows[0]
}

const HYPERTABLES = `select hypertable_name as name from timescaledb_information.hypertables`
const CHUNKS = `select count(*)::int as n from timescaledb_information.chunks where hypertable_name = 'logs'`
const INTERVAL = `
  select time_interval = interval '1 day' as daily, column_name
    from timescaledb_information.dimensions
   where hypertable_name = 'logs'`

/** Two days of logs, the same once more, and a dead letter, through the store itself. */
async function storeSome(server: TimescaleServer): Promise<void> {
  const ledger = new PostgresLedger({ database: server.options, namespace: 'default', group: 'g', owner: 'test' })
  await ledger.pin(pinRequest([0]))
  const { claims } = await ledger.claim([0])
  const stop = new AbortController()
  const store = logStore(server.options, ledger, { sleep: async () => stop.abort(), signal: stop.signal })
  const day = 86_400_000
  const logs = [0, 1, 2, 3].map((i) => logAt(i, { createdAt: epochMs(1_764_720_000_000 + (i % 2) * day) }))
  const epoch = claims[0]?.epoch ?? 0
  const rows = { lane: 0, ranges: [readyRange({ epoch, from: 0, count: 4 }, { logs })] }
  const dead = { lane: 0, ranges: [readyRange({ epoch, from: 4, count: 1 }, { logs: [], rejects: [rejectAt(4)] })] }
  const kinds: string[] = []
  for (const batch of [rows, rows, dead]) for (const { kind } of await store.commit(batch)) kinds.push(kind)
  assert.deepEqual(kinds, ['committed', 'duplicate', 'committed'])
  await store.close()
  await ledger.close()
}

describe('TimescaleDB', { timeout: 600_000 }, () => {
  test('an empty database gets a hypertable of daily chunks, which the store fills in one transaction', async () => {
    await withTimescale(async (server, client) => {
      assert.deepEqual(
        await migrate({ database: server.options, events }),
        readMigrations().map(({ version }) => version),
      )
      assert.deepEqual(await one(client, HYPERTABLES), { name: 'logs' })
      assert.deepEqual(await one(client, INTERVAL), { daily: true, column_name: 'created_at' })
      const indexes = await client.query(`select indexname as name from pg_indexes where tablename = 'logs' order by 1`)
      assert.deepEqual(
        indexes.rows.map(({ name }) => name),
        ['logs_anomalies_idx', 'logs_errors_idx', 'logs_pkey'],
      )
      await storeSome(server)
      assert.deepEqual(await one(client, 'select count(*)::int as n from logs'), { n: 4 })
      assert.deepEqual(await one(client, 'select count(*)::int as n from ingest_dead_letter'), { n: 1 })
      assert.deepEqual(await one(client, 'select sum(total_logs)::int as n from log_aggregates'), { n: 4 })
      assert.deepEqual(await one(client, CHUNKS), { n: 2 })
      assert.deepEqual(await migrate({ database: server.options, events, hypertable: true }), [])
    })
  })

  test('a filled table stays as it is until the operator asks, then its rows and readers are those of before', async () => {
    await withTimescale(async (server, client) => {
      await client.query(ORIGINAL_SCHEMA)
      await client.query(ORIGINAL_ROWS)
      await migrate({ database: server.options, events })
      assert.equal(await one(client, HYPERTABLES), undefined)
      const contents = `select count(*)::int as n, sum(log_id)::int as ids, sum(latency_ms)::int as latency from logs`
      const before = await one(client, contents)
      await migrate({ database: server.options, events, hypertable: true })
      assert.deepEqual(await one(client, HYPERTABLES), { name: 'logs' })
      assert.deepEqual(await one(client, contents), before)
      for (const sql of Object.values(ORIGINAL_READERS)) assert.ok((await client.query(sql)).rows.length > 0)
      await migrate({ database: server.options, events, hypertable: true, indexes: true })
      await storeSome(server)
      assert.deepEqual(await one(client, 'select count(*)::int as n from logs'), { n: 1004 })
    })
  })

  test("the original's own hypertable is taken over, rows and all", async () => {
    await withTimescale(async (server, client) => {
      await client.query(ORIGINAL_SCHEMA)
      await client.query(`select create_hypertable('logs', 'created_at')`)
      await client.query(ORIGINAL_ROWS)
      await migrate({ database: server.options, events })
      await storeSome(server)
      assert.deepEqual(await one(client, 'select count(*)::int as n from logs'), { n: 1004 })
    })
  })

  test('a schema of its own gets a hypertable of its own, beside that of the installation', async () => {
    await withTimescale(async (server, client) => {
      await migrate({ database: server.options, events })
      await createSchema(server.options, 'guest')
      await client.query('set search_path to guest') // of every session: this server has but one
      await migrate({ database: server.options, events })
      const { rows } = await client.query(
        'select hypertable_schema as schema from timescaledb_information.hypertables order by 1',
      )
      assert.deepEqual(rows, [{ schema: 'guest' }, { schema: 'public' }])
      await storeSome(server)
      assert.deepEqual(await one(client, 'select count(*)::int as n from guest.logs'), { n: 4 })
      assert.deepEqual(await one(client, 'select count(*)::int as n from public.logs'), { n: 0 })
      await dropSchema(server.options, 'guest')
      assert.deepEqual(await one(client, HYPERTABLES), { name: 'logs' })
    })
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import pg, { type Connection, type Submittable } from 'pg'
import { ProcessorError } from '../../src/errors.ts'
import { silentEvents } from '../../src/events.ts'
import { checkMigrated, migrate, readMigrations } from '../../src/postgres/migrate.ts'
import { ORIGINAL_INSERT, ORIGINAL_READERS, ORIGINAL_ROWS, ORIGINAL_SCHEMA } from '../support/original-schema.ts'
import { migratedDatabase, type TestDatabase, type TestServer, withServer } from '../support/postgres.ts'

const events = silentEvents()
const versions = readMigrations().map(({ version }) => version)

const failsWith = (code: string) => (error: unknown) => error instanceof ProcessorError && error.code === code

/** As a process that got SIGSTOP: the server waits for its data, for ever. */
class CopyWithoutData implements Submittable {
  readonly asked: Promise<void>
  handleCopyInResponse: () => void = () => undefined
  constructor() {
    this.asked = new Promise((resolve) => {
      this.handleCopyInResponse = resolve
    })
  }
  submit(connection: Connection): void {
    connection.query('copy logs (service) from stdin')
  }
  handleError(): void {}
  handleReadyForQuery(): void {}
}

async function indexesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(`select indexname from pg_indexes where tablename = 'logs' order by 1`)
  return rows.map((row) => row.indexname)
}

describe('migrations', { timeout: 600_000 }, () => {
  const server = withServer()

  test('apply in order, once, and say so', async () => {
    const { options, client } = await server().create()
    const told: number[] = []
    const listening = silentEvents({ migrationApplied: ({ version }) => void told.push(version) })
    assert.deepEqual(await migrate({ database: options, events: listening }), versions)
    assert.deepEqual(await migrate({ database: options, events: listening }), [])
    assert.deepEqual(told, versions)
    const { rows } = await client.query('select version, checksum from schema_migrations order by 1')
    assert.deepEqual(
      rows,
      readMigrations().map(({ version, checksum }) => ({ version, checksum })),
    )
    await checkMigrated(options)
  })

  test('of six first starts at once each version is applied by exactly one', async () => {
    const { options } = await server().create()
    const all = await Promise.all(Array.from({ length: 6 }, () => migrate({ database: options, events })))
    assert.deepEqual(
      all.flat().sort((a, b) => a - b),
      versions,
    )
  })

  test('a database of a newer version is refused, and left as it is', async () => {
    const { options, client } = await migratedDatabase(server())
    await client.query(`insert into schema_migrations (version, name, checksum) values (9999, 'future', '')`)
    await assert.rejects(migrate({ database: options, events }), failsWith('SCHEMA_TOO_NEW'))
    await assert.rejects(checkMigrated(options), failsWith('SCHEMA_TOO_NEW'))
  })

  test('an applied file that changed is refused', async () => {
    const { options, client } = await migratedDatabase(server())
    await client.query(`update schema_migrations set checksum = 'other' where version = 1`)
    await assert.rejects(migrate({ database: options, events }), failsWith('SCHEMA_INCOMPATIBLE'))
  })

  test('a schema that is not there is named, and what to do', async () => {
    const { options } = await server().create()
    const elsewhere = { ...options, schema: 'nowhere' }
    const named = (error: unknown): boolean =>
      failsWith('POSTGRES_CONFIGURATION')(error) && /no schema nowhere \(DB_SCHEMA\)/.test(String(error))
    await assert.rejects(migrate({ database: elsewhere, events }), named)
    await assert.rejects(checkMigrated(elsewhere), named)
  })

  test('without migrations the check says which are missing', async () => {
    const { options } = await server().create()
    await assert.rejects(checkMigrated(options), (error: unknown) => {
      return failsWith('SCHEMA_NOT_MIGRATED')(error) && /migration 1 \(logs\), 2/.test(String(error))
    })
  })
})

describe('a migration in trouble', { timeout: 600_000 }, () => {
  const server = withServer()

  test('leaves nothing behind when it fails', async () => {
    const { options, client } = await server().create()
    await client.query('create table ingest_ledger (unrelated int)')
    await assert.rejects(migrate({ database: options, events }), failsWith('POSTGRES_CONFIGURATION'))
    const { rows } = await client.query(`select to_regclass('ingest_topic') as made`)
    assert.equal(rows[0].made, null)
    await client.query('drop table ingest_ledger')
    assert.deepEqual(
      await migrate({ database: options, events }),
      readMigrations()
        .slice(1)
        .map(({ version }) => version),
    )
  })

  test('a worker of ours that stopped in the middle of a COPY is ended; a stranger at its work is waited for', async () => {
    const { options, client } = await server().create()
    await client.query(ORIGINAL_SCHEMA)
    const stopped = new pg.Client({ ...options, application_name: 'insighthub-processor writer' })
    const ended = new Promise((done) => stopped.once('error', done))
    await stopped.connect()
    await stopped.query(new CopyWithoutData()).asked
    const stranger = new pg.Client({ ...options, application_name: 'nightly report' })
    await stranger.connect()
    await stranger.query('begin; lock table logs in access share mode')
    let finished = false
    const migrating = migrate({ database: options, events }).finally(() => (finished = true))
    await ended
    assert.equal(finished, false)
    await stranger.query('commit')
    assert.deepEqual(await migrating, versions)
    await stranger.end()
    await stopped.end().catch(() => undefined)
  })
})

async function installed(server: TestServer): Promise<TestDatabase> {
  const database = await server.create()
  await database.client.query(ORIGINAL_SCHEMA)
  await database.client.query(ORIGINAL_ROWS)
  return database
}

describe('an existing installation', { timeout: 600_000 }, () => {
  const server = withServer()

  test('is taken over without a rewrite: same file, rows, keys and indexes', async () => {
    const { options, client } = await installed(server())
    const state = async (): Promise<unknown[]> =>
      (
        await client.query(`
          select c.relname, c.relfilenode::text, pg_get_constraintdef(k.oid) as key
            from pg_class c
            left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
           where c.relname in ('logs', 'log_aggregates')
           order by 1`)
      ).rows
    const contents = async (): Promise<unknown> =>
      (
        await client.query(`
          select md5(string_agg(concat_ws('|', log_id, service, level, message, latency_ms, anomaly_score, is_anomaly,
                                          created_at at time zone 'UTC'), ',' order by log_id)) as hash,
                 count(*) as n
            from logs`)
      ).rows[0]
    const before = [await state(), await contents(), await indexesOf(client)]
    await migrate({ database: options, events })
    assert.deepEqual([await state(), await contents(), await indexesOf(client)], before)
    const { rows } = await client.query('select count(*) as n from logs where ingested_at is not null')
    assert.equal(rows[0].n, '0', 'nobody knows when the old rows came')
  })

  test("keeps its readers' answers", async () => {
    const { options, client } = await installed(server())
    const answers = async (): Promise<unknown> => {
      await client.query('begin; set local timezone = UTC')
      const all: Record<string, unknown> = {}
      for (const [name, sql] of Object.entries(ORIGINAL_READERS)) {
        const { fields, rows } = await client.query(sql)
        // select * of the newest answers the new columns too, behind the old ones
        const old = fields.filter((field) => name !== 'newest' || field.columnID <= 8)
        all[name] = {
          fields: old.map((field) => [field.name, field.dataTypeID]),
          rows: rows.map((row) => old.map((field) => row[field.name])),
        }
      }
      await client.query('commit')
      return all
    }
    const before = await answers()
    await migrate({ database: options, events, indexes: true })
    assert.deepEqual(await answers(), before)
  })

  test('keeps its writer, which goes on while the table is taken over', async () => {
    const { options, client } = await installed(server())
    let writing = true
    let written = 0
    const writer = (async () => {
      while (writing) {
        const { rows } = await client.query(ORIGINAL_INSERT, ['a', 'INFO', 'm', null, 0.5, false, new Date()])
        assert.match(rows[0].log_id, /^\d+$/)
        written++
      }
    })()
    await migrate({ database: options, events, indexes: true })
    const during = written
    while (written < during + 10) await new Promise((done) => setImmediate(done))
    writing = false
    await writer
    const { rows } = await client.query('select count(*)::int as n, count(distinct log_id)::int as ids from logs')
    assert.deepEqual(rows[0], { n: 1000 + written, ids: 1000 + written })
  })
})

describe('the indexes of an existing installation', { timeout: 600_000 }, () => {
  const server = withServer()

  test('are joined by the new ones on request, and none is dropped unasked', async () => {
    const { options, client } = await installed(server())
    const warnings: string[] = []
    const listening = silentEvents({ warning: (text) => void warnings.push(text) })
    await migrate({ database: options, events: listening, indexes: true })
    const names = await indexesOf(client)
    for (const name of [
      'idx_logs_service',
      'idx_logs_level',
      'idx_logs_created_at',
      'idx_logs_is_anomaly',
      'logs_pkey',
    ])
      assert.ok(names.includes(name), name)
    assert.ok(names.includes('logs_anomalies_idx') && names.includes('logs_errors_idx'))
    assert.match(warnings.join('\n'), /drop them .*idx_logs_service/)
    await migrate({ database: options, events, indexes: true })
    assert.deepEqual(await indexesOf(client), names)
  })

  test('an index left half-built is built again', async () => {
    const { options, client } = await installed(server())
    await migrate({ database: options, events })
    await client.query('create index logs_errors_idx on logs (service)')
    await client.query(`update pg_index set indisvalid = false where indexrelid = 'logs_errors_idx'::regclass`)
    await migrate({ database: options, events, indexes: true })
    const { rows } = await client.query(
      `select indisvalid as valid, pg_get_indexdef(indexrelid) as definition from pg_index where indexrelid = 'logs_errors_idx'::regclass`,
    )
    assert.equal(rows[0].valid, true)
    assert.match(rows[0].definition, /service, level, created_at DESC/)
  })

  test('without TimescaleDB a hypertable is refused with what to do', async () => {
    const { options } = await installed(server())
    await assert.rejects(migrate({ database: options, events, hypertable: true }), /create extension timescaledb/)
  })
})

/**
 * Migrations: plain SQL files, append-only, each in a transaction of its own, one runner at a time. Two workers that start at
 * once on an empty database wait for each other here.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type pg from 'pg'
import { ProcessorError } from '../errors.ts'
import type { Events } from '../events.ts'
import { close, connect, type DatabaseOptions } from './connection.ts'
import { asProcessorError } from './ledger.ts'
import { sqlStateOf } from './sql-errors.ts'

const FOLDER = resolve(import.meta.dirname, '../../migrations')
const LOCK_TIMEOUT = '5s'
const LOCK_TRIES = 24
const LOCK_NOT_AVAILABLE = '55P03'

interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

export interface MigrateOptions {
  readonly database: DatabaseOptions
  readonly events: Events
  /** Build the indexes of a fresh table on one that was taken over. */
  readonly indexes?: boolean
  /** Turn a filled table into a hypertable. */
  readonly hypertable?: boolean
}

export function readMigrations(folder: string = FOLDER): Migration[] {
  return readdirSync(folder)
    .filter((file) => /^\d{4}_.*\.sql$/.test(file))
    .sort()
    .map((file) => {
      const sql = readFileSync(join(folder, file), 'utf8')
      return {
        version: Number(file.slice(0, 4)),
        name: file.slice(5, -4),
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      }
    })
}

/** Applies what is missing. Answers the versions applied. */
export async function migrate(options: MigrateOptions): Promise<number[]> {
  return withClient(options.database, async (client) => {
    const applied: number[] = []
    const migrations = readMigrations()
    await checkSchema(client, options.database)
    await inTransaction(client, () => prepare(client))
    for (const migration of migrations) {
      if (await applyOne(client, migration, migrations)) {
        applied.push(migration.version)
        options.events.migrationApplied(migration)
      }
    }
    await checkNotNewer(client, migrations)
    if (options.indexes === true) await buildIndexes(client, options.events)
    if (options.hypertable === true) await makeHypertable(client)
    return applied
  })
}

/** For DB_MIGRATE=false: throws SCHEMA_NOT_MIGRATED or SCHEMA_TOO_NEW. */
export async function checkMigrated(database: DatabaseOptions): Promise<void> {
  await withClient(database, async (client) => {
    const migrations = readMigrations()
    await checkSchema(client, database)
    const exists = await client.query<{ found: boolean }>(
      `select to_regclass('schema_migrations') is not null as found`,
    )
    const done = exists.rows[0]?.found === true ? await versionsOf(client) : new Set<number>()
    const missing = migrations.filter(({ version }) => !done.has(version))
    if (missing.length > 0) {
      throw new ProcessorError(
        'SCHEMA_NOT_MIGRATED',
        `the database lacks migration ${missing.map(({ version, name }) => `${version} (${name})`).join(', ')}: run the migrate command`,
      )
    }
    await checkNotNewer(client, migrations)
  })
}

async function withClient<T>(database: DatabaseOptions, work: (client: pg.Client) => Promise<T>): Promise<T> {
  let client: pg.Client | null = null
  try {
    client = await connect(database)
    return await work(client)
  } catch (error) {
    throw asProcessorError(error)
  } finally {
    if (client !== null) await close(client)
  }
}

/** A search_path may name what is not there; PostgreSQL then only says that it has nowhere to create tables. */
async function checkSchema(client: pg.Client, { schema }: DatabaseOptions): Promise<void> {
  if (schema === undefined) return
  const { rows } = await client.query<{ there: boolean }>('select to_regnamespace($1) is not null as there', [schema])
  if (rows[0]?.there === true) return
  throw new ProcessorError(
    'POSTGRES_CONFIGURATION',
    `there is no schema ${schema} (DB_SCHEMA): create schema ${schema}`,
  )
}

async function prepare(client: pg.Client): Promise<void> {
  await lockRunners(client)
  await client.query(`
    create table if not exists schema_migrations (
      version    integer primary key,
      name       text not null,
      checksum   text not null,
      applied_at timestamptz not null default clock_timestamp()
    )`)
}

/** Held to the end of the transaction, so it also works behind a pooler. */
async function lockRunners(client: pg.Client): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('insighthub migrations', 0))`)
}

async function applyOne(client: pg.Client, migration: Migration, known: readonly Migration[]): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      return await inTransaction(client, async () => {
        await lockRunners(client)
        await checkNotNewer(client, known)
        const { rows } = await client.query<{ checksum: string }>(
          'select checksum from schema_migrations where version = $1',
          [migration.version],
        )
        const found = rows[0]
        if (found !== undefined) {
          if (found.checksum === migration.checksum) return false
          throw new ProcessorError(
            'SCHEMA_INCOMPATIBLE',
            `migration ${migration.version} (${migration.name}) was applied with other content: applied migrations must not change`,
          )
        }
        await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`)
        await client.query(migration.sql)
        await client.query('insert into schema_migrations (version, name, checksum) values ($1, $2, $3)', [
          migration.version,
          migration.name,
          migration.checksum,
        ])
        return true
      })
    } catch (error) {
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE || tries >= LOCK_TRIES) throw error
      await endStoppedWriters(client)
    }
  }
}

/**
 * A worker that was stopped in the middle of a COPY (SIGSTOP, a frozen VM) holds a lock on logs that no timeout of the server
 * ends. Its connection is ended; what it had not committed it will send again.
 */
async function endStoppedWriters(client: pg.Client): Promise<void> {
  await client.query(`
    select pg_terminate_backend(pid)
      from pg_stat_activity
     where datname = current_database()
       and application_name like 'insighthub-processor%'
       and pid <> pg_backend_pid()
       and state = 'active'
       and wait_event_type = 'Client'
       and xact_start < clock_timestamp() - interval '10 seconds'`)
}

async function versionsOf(client: pg.Client): Promise<Set<number>> {
  const { rows } = await client.query<{ version: number }>('select version from schema_migrations')
  return new Set(rows.map(({ version }) => version))
}

async function checkNotNewer(client: pg.Client, known: readonly Migration[]): Promise<void> {
  const newest = known.at(-1)?.version ?? 0
  const newer = [...(await versionsOf(client))].filter((version) => version > newest)
  if (newer.length > 0) {
    throw new ProcessorError(
      'SCHEMA_TOO_NEW',
      `the database has migration ${Math.max(...newer)}, this version knows up to ${newest}: use a newer version of the processor`,
    )
  }
}

async function inTransaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin')
  try {
    const result = await work()
    const { command } = await client.query('commit')
    if (command !== 'COMMIT') throw new ProcessorError('POSTGRES_UNAVAILABLE', `COMMIT was answered with ${command}`)
    return result
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

/** Concurrently, so that writers go on; a half-built leftover of an earlier try is replaced. */
async function buildIndexes(client: pg.Client, events: Events): Promise<void> {
  const wanted = [
    ['logs_created_at_log_id_idx', '(created_at desc, log_id)'],
    ['logs_anomalies_idx', '(created_at desc) where is_anomaly'],
    ['logs_errors_idx', "(service, level, created_at desc) where level in ('ERROR', 'FATAL')"],
  ] as const
  const { rows } = await client.query<{
    name: string
    valid: boolean
    definition: string
    leads: string | null
    is_primary: boolean
  }>(`
    select c.relname as name, i.indisvalid as valid, pg_get_indexdef(i.indexrelid) as definition, i.indisprimary as is_primary,
           (select attname from pg_attribute where attrelid = i.indrelid and attnum = i.indkey[0]) as leads
      from pg_index i
      join pg_class c on c.oid = i.indexrelid
     where i.indrelid = 'logs'::regclass`)
  const timeLed = rows.some(
    ({ leads, definition, valid }) => valid && leads === 'created_at' && !/ where /i.test(definition),
  )
  const hypertable = await isHypertable(client)
  for (const [name, definition] of wanted) {
    const found = rows.find((row) => row.name === name)
    if (found?.valid === true || (name === 'logs_created_at_log_id_idx' && timeLed)) continue
    if (found !== undefined) await client.query(`drop index ${name}`)
    // TimescaleDB has no concurrent build over chunks.
    await client.query(`create index ${hypertable ? '' : 'concurrently'} ${name} on logs ${definition}`)
    events.warning(`created index ${name}`)
  }
  const replaced = [
    'idx_logs_service',
    'idx_logs_level',
    'idx_logs_created_at',
    'idx_logs_anomaly',
    'idx_logs_is_anomaly',
  ]
  const old = rows.filter(({ name }) => replaced.includes(name)).map(({ name }) => name)
  if (old.length > 0) {
    events.warning(
      `these indexes of the earlier schema cost more than half of the write speed; drop them when no reader needs them: ${old.join(', ')}`,
    )
  }
}

async function hasTimescale(client: pg.Client): Promise<boolean> {
  return (await client.query(`select from pg_extension where extname = 'timescaledb'`)).rowCount === 1
}

async function isHypertable(client: pg.Client): Promise<boolean> {
  if (!(await hasTimescale(client))) return false
  const { rowCount } = await client.query(
    `select from timescaledb_information.hypertables where hypertable_schema = current_schema() and hypertable_name = 'logs'`,
  )
  return rowCount === 1
}

async function makeHypertable(client: pg.Client): Promise<void> {
  if (!(await hasTimescale(client))) {
    throw new ProcessorError(
      'SCHEMA_INCOMPATIBLE',
      'the timescaledb extension is not installed in this database: create extension timescaledb',
    )
  }
  if (await isHypertable(client)) return
  await client.query(
    `select create_hypertable('logs', 'created_at', chunk_time_interval => interval '1 day', create_default_indexes => false, migrate_data => true)`,
  )
}

/** Old timestamps cost a chunk each on a hypertable, so they are bounded there and nowhere else. */
export async function logsIsHypertable(database: DatabaseOptions): Promise<boolean> {
  return withClient(database, isHypertable)
}

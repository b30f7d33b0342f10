/** A benchmark empties its tables: never those of the installation whose database it is given. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { openBenchStage } from '../../src/commands/bench-stage.ts'
import { migratedDatabase, type PlainDatabase, withServer } from '../support/postgres.ts'
import { until } from '../support/until.ts'

const server = withServer()
const main = resolve(import.meta.dirname, '../../src/main.ts')
const schemas = `select nspname from pg_namespace where nspname like 'insighthub_bench_%'`

const environmentOf = (options: PlainDatabase): Record<string, string> => ({
  DB_HOST: options.host,
  DB_PORT: String(options.port),
  DB_NAME: options.database,
  DB_USER: options.user,
  DB_PASSWORD: options.password,
})

test('in a given database the tables that a benchmark empties are its own, and go with it', async () => {
  const { client, options } = await migratedDatabase(server())
  await client.query(`insert into logs (service, level, message) values ('shop', 'INFO', 'mine')`)
  const closers: (() => Promise<unknown>)[] = []
  const env = environmentOf(options)
  try {
    const { database, schema } = await openBenchStage(env, closers)
    await database.query(`insert into logs (service, level, message) values ('bench', 'INFO', 'x')`)
    await database.query('truncate logs, log_aggregates')
    assert.deepEqual((await client.query(schemas)).rows, [{ nspname: schema }])
  } finally {
    for (const close of closers.reverse()) await close()
  }
  assert.deepEqual((await client.query('select service, message from logs')).rows, [
    { service: 'shop', message: 'mine' },
  ])
  assert.deepEqual((await client.query(schemas)).rows, [])
})

test('a benchmark that is interrupted takes its schema with it', { timeout: 600_000 }, async () => {
  const { client, options } = await server().create()
  const child = spawn(process.execPath, [main, 'bench', '--rows', '5000000'], {
    env: { PATH: process.env['PATH'], ...environmentOf(options) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(child, 'exit')
  const migrated = `select 1 from pg_indexes where indexname = 'logs_bench_idx'`
  const open = async (): Promise<boolean> => {
    assert.equal(child.exitCode, null, 'it ended by itself')
    return (await client.query(migrated)).rows.length === 1
  }
  await until('the stage is open', open)
  child.kill('SIGINT')
  assert.deepEqual(await ended, [130, null])
  assert.deepEqual((await client.query(schemas)).rows, [])
})

/** A benchmark empties its tables: never those of the installation whose database it is given. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBenchStage } from '../../src/commands/bench-stage.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'

const server = withServer()

test('in a given database the tables that a benchmark empties are its own, and go with it', async () => {
  const { client, options } = await migratedDatabase(server())
  await client.query(`insert into logs (service, level, message) values ('shop', 'INFO', 'mine')`)
  const closers: (() => Promise<unknown>)[] = []
  const env = {
    DB_HOST: options.host,
    DB_PORT: String(options.port),
    DB_NAME: options.database,
    DB_USER: options.user,
    DB_PASSWORD: options.password,
  }
  const schemas = `select nspname from pg_namespace where nspname like 'insighthub_bench_%'`
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

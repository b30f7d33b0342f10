/** The demo in a given Kafka and a given PostgreSQL: it plays in a topic, a group and a schema of its own, and takes them with it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { migratedDatabase, type PlainDatabase, withServer } from '../support/postgres.ts'
import { until } from '../support/until.ts'

const server = withServer()
const main = resolve(import.meta.dirname, '../../src/main.ts')
const schemas = `select nspname from pg_namespace where nspname like 'insighthub_demo_%'`

const environmentOf = (options: PlainDatabase, broker: string): Record<string, string | undefined> => ({
  PATH: process.env['PATH'],
  KAFKA_BROKER: broker,
  // Those of the installation, which the demo must leave alone.
  KAFKA_TOPIC: 'production',
  KAFKA_GROUP_ID: 'production',
  DB_HOST: options.host,
  DB_PORT: String(options.port),
  DB_NAME: options.database,
  DB_USER: options.user,
  DB_PASSWORD: options.password,
})

const demo = (env: Record<string, string | undefined>, ...args: string[]) =>
  spawn(process.execPath, [main, 'demo', '--json', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })

test('the tables, topics and groups of an installation are not touched, and nothing stays behind', {
  timeout: 600_000,
}, async () => {
  const { client, options } = await migratedDatabase(server())
  await client.query(`insert into logs (service, level, message) values ('shop', 'INFO', 'mine')`)
  const broker = await startEmbeddedBroker({})
  try {
    const child = demo(environmentOf(options, broker.address), '--logs', '4000', '--rate', '4000')
    const [output, told] = [child.stdout, child.stderr].map((stream) => stream.setEncoding('utf8').toArray())
    const [code] = await once(child, 'exit')
    const stderr = ((await told) ?? []).join('')
    assert.equal(code, 0, stderr)
    const summary = JSON.parse(((await output) ?? []).join(''))
    assert.ok(summary.stored > 3_900 && summary.lost === 0 && summary.duplicates === 0, JSON.stringify(summary))
    assert.match(stderr, /schema insighthub_demo_/)
    assert.doesNotMatch(stderr, /left behind/)
    const { topics, groups } = broker.stats()
    assert.deepEqual({ topics, groups }, { topics: 0, groups: 0 })
  } finally {
    await broker.close()
  }
  const { rows } = await client.query('select service, message from logs')
  assert.deepEqual(rows, [{ service: 'shop', message: 'mine' }])
  assert.deepEqual((await client.query('select * from ingest_ledger')).rows, [])
  assert.deepEqual((await client.query(schemas)).rows, [])
})

test('a demo that is interrupted takes its schema with it', { timeout: 600_000 }, async () => {
  const { client, options } = await server().create()
  const broker = await startEmbeddedBroker({})
  try {
    const child = demo(environmentOf(options, broker.address), '--rate', '100')
    child.stdout.resume()
    child.stderr.resume()
    const ended = once(child, 'exit')
    const stored = async (): Promise<boolean> => {
      assert.equal(child.exitCode, null, 'it ended by itself')
      return (await client.query(schemas)).rows.length === 1
    }
    await until('the stage is open', stored)
    child.kill('SIGINT')
    await ended
  } finally {
    await broker.close()
  }
  assert.deepEqual((await client.query(schemas)).rows, [])
})

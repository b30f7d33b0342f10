/** A start against a PostgreSQL that answers but refuses (no such database, a wrong password): told as such, and mended while it waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withServer } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startWorker } from '../support/worker.ts'

const server = withServer()

test('a database that is not there yet is refused, not unavailable, and /readyz says why', {
  timeout: 600_000,
}, async () => {
  const { client, options } = await server().create()
  const name = `insighthub_later_${process.pid}`
  const worker = startWorker({
    KAFKA_BROKER: '127.0.0.1:1',
    DB_HOST: options.host,
    DB_PORT: String(options.port),
    DB_USER: options.user,
    DB_PASSWORD: options.password ?? '',
    DB_NAME: name,
  })
  try {
    await worker.said('PostgreSQL refuses: ')
    assert.match(
      (await worker.get('/readyz')).body,
      new RegExp(`PostgreSQL: database \\\\"${name}\\\\" does not exist`),
    )
    assert.match((await worker.get('/metrics')).body, /insighthub_store_state\{state="refused"\} 1/)
    await client.query(`create database ${name}`)
    await worker.said('✓ Connected to PostgreSQL')
    await until('the rest is Kafka', async () => !(await worker.get('/readyz')).body.includes('PostgreSQL'))
  } finally {
    worker.kill('SIGKILL')
    await worker.exited
    await client.query(`drop database if exists ${name} with (force)`)
  }
})

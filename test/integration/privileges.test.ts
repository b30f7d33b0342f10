/** The grants in SECURITY.md are enough: with them and nothing else a worker starts, stores all that it can, and reads it back. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { startWorker, type Worker } from '../support/worker.ts'

const server = withServer()
const security = readFileSync(join(resolve(import.meta.dirname, '../..'), 'SECURITY.md'), 'utf8')

describe('a role with the grants of SECURITY.md', { timeout: 600_000 }, () => {
  let broker: Awaited<ReturnType<typeof startEmbeddedBroker>>
  let worker: Worker | null = null
  before(async () => {
    broker = await startEmbeddedBroker({})
  })
  after(async () => {
    worker?.kill('SIGKILL')
    await worker?.exited
    await broker.close()
  })

  test('is enough for a worker: rows, dead letters, aggregates, snapshots and service alerts', async () => {
    const { client, options } = await migratedDatabase(server())
    const grants = /```sql\n([\s\S]*?)```/.exec(security)?.[1] ?? ''
    const role = `processor_${process.pid}`
    await client.query(`create role ${role} login password 'secret'`)
    await client.query(grants.replaceAll('to processor', `to ${role}`))
    const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
    await producer.createTopic('logs', 1)
    const total = 30_000
    const log = (service: string, seconds: number) => ({
      value: Buffer.from(
        JSON.stringify({
          service,
          level: 'INFO',
          message: 'request served',
          latency_ms: 20 + (seconds % 7),
          timestamp: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString(),
        }),
      ),
    })
    for (let from = 0; from < total / 2; from += 2500) {
      const seconds = Array.from({ length: 2500 }, (_, i) => from + i)
      // The second service goes away for good, late in the stream.
      await producer.send(
        'logs',
        seconds.flatMap((at) => [log('search', at), log(at < 14_000 ? 'payment' : 'search', at)]),
      )
    }
    await producer.send('logs', [{ value: Buffer.from('not json') }])
    await producer.close()
    worker = startWorker({
      DB_HOST: options.host,
      DB_PORT: String(options.port),
      DB_NAME: options.database,
      DB_USER: role,
      DB_PASSWORD: 'secret',
      DB_MIGRATE: 'false',
      KAFKA_BROKER: broker.address,
      KAFKA_TOPIC: 'logs',
      KAFKA_START: 'earliest',
    })
    const count = async (table: string): Promise<number> =>
      Number((await client.query(`select count(*) n from ${table}`)).rows[0].n)
    await until('all of it is stored', async () => (await count('ingest_dead_letter')) === 1)
    assert.equal(await count('logs'), total)
    for (const table of ['log_aggregates', 'detector_snapshot', 'service_alerts'])
      assert.ok((await count(table)) > 0, `nothing in ${table}`)
    worker.kill('SIGTERM')
    assert.equal(await worker.exited, 0, worker.output())
    await client.query(`drop owned by ${role}; drop role ${role}`)
  })
})

/** What docs/operations.md tells an operator to do about a log that was cut, done to a real ledger. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { differencesOf } from '../../src/audit/differences.ts'
import { parsePositions } from '../../src/commands/ledger-resume.ts'
import { type EmbeddedBroker, startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { readAuditCounts } from '../../src/postgres/audit-counts.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { resumeLedger } from '../../src/postgres/ledger-resume.ts'
import { pinRequest } from '../support/log-store.ts'
import { migratedDatabase, type TestDatabase, withServer } from '../support/postgres.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
const COMMAND = /## A log that is not the one that was read\n[\s\S]*?\n {4}insighthub-processor (ledger resume .*)\n/
const PARTITIONS = [0, 1, 2, 3]

describe('a log that is not the one that was read', { timeout: 600_000 }, () => {
  const server = withServer()
  let broker: EmbeddedBroker
  let database: TestDatabase
  let ledger: PostgresLedger

  const run = async (...args: string[]): Promise<{ code: number; said: string }> => {
    const { host, port, user, password, database: name } = database.options
    const env = { DB_HOST: host, DB_PORT: String(port), DB_USER: user, DB_PASSWORD: password, DB_NAME: name }
    const all = { ...env, KAFKA_BROKER: broker.address }
    return promisify(execFile)(process.execPath, [join(root, 'src/main.ts'), ...args], { env: all }).then(
      ({ stdout }) => ({ code: 0, said: stdout }),
      (error: { code: number; stderr: string }) => ({ code: error.code, said: error.stderr }),
    )
  }

  before(async () => {
    broker = await startEmbeddedBroker({ topics: [{ name: 'logs', partitions: PARTITIONS.length }] })
    const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
    await producer.sendTo(
      'logs',
      3,
      Array.from({ length: 4_711 }, () => ({ value: Buffer.from('{}') })),
    )
    await producer.close()
    database = await migratedDatabase(server())
    ledger = new PostgresLedger({
      database: database.options,
      namespace: 'default',
      group: 'g',
      owner: 'worker one',
      epochStep: () => 1,
    })
  })
  after(async () => {
    await ledger?.close()
    await broker?.close()
  })

  test('is nothing to be said of before anything was read', async () => {
    assert.deepEqual(await run('ledger', 'resume', '3=end'), {
      code: 1,
      said: '✗ nothing of the topic logs was ever started (INPUT)\n',
    })
  })

  test('is not gone on with while a worker lives, at an offset that the log has not, or for no partition', async () => {
    await ledger.pin(pinRequest(PARTITIONS, ''))
    await ledger.claim(PARTITIONS)
    await database.client.query(
      `update ingest_ledger set next_offset = 4800 + part, skipped = 4800 + part, leader_epoch = 1, tail_offset = 4799 + part, tail_ts = 1, tail_crc = 1`,
    )
    const refused = async (position: string, why: RegExp): Promise<void> => {
      const { code, said } = await run('ledger', 'resume', position)
      assert.deepEqual([code, why.test(said)], [1, true], said)
    }
    await refused('3=4711', /worker one works on this topic: stop all workers/)
    await refused('3=4712', /the log of partition 3 is from 0 to 4711/)
    await refused('9=0', /has no partition 9/)
    await refused('3=', /expected partition=offset, such as 3=4711 or 3=end/)
    const request = { namespace: 'default', topic: 'logs', topicKey: 'other:key', at: new Map([[3, 1]]) }
    await database.client.query(`update ingest_topic set topic_key = 'c:t'`)
    await assert.rejects(resumeLedger(database.options, request), { code: 'INPUT', message: /was made again/ })
    await database.client.query(`update ingest_topic set topic_key = ''`)
    const { rows } = await database.client.query('select count(*)::int n from ingest_topic')
    assert.equal(rows[0].n, 1, 'nothing was changed')
  })

  test('[F16] after the command of the page the partition goes on where the operator says, the others where they were', async () => {
    const first = ledger.pinned()
    await ledger.release(PARTITIONS)
    const command = COMMAND.exec(page)?.[1]?.split(' ') ?? []
    assert.deepEqual(await run(...command), {
      code: 0,
      said: 'partition 3: stood at 4803, goes on at 4711\n✓ incarnation 1 of logs; now start the workers\n',
    })
    const again = await ledger.pin(pinRequest(PARTITIONS, ''))
    assert.deepEqual([again.incarnation, again.created], [1, null])
    assert.notEqual(again.topicId, first.topicId)
    const { claims, refused } = await ledger.claim(PARTITIONS)
    assert.deepEqual(refused, [])
    assert.deepEqual(
      claims.map(({ epoch, baseOffset, nextOffset, tail }) => [epoch, baseOffset, nextOffset, tail]),
      [
        [2, 4800, 4800, null],
        [2, 4801, 4801, null],
        [2, 4802, 4802, null],
        [2, 4711, 4711, null],
      ],
    )
    const counts = await readAuditCounts(database.options, { namespace: 'default', topic: 'logs' })
    assert.deepEqual(differencesOf(counts, null), [])
  })
})

test('positions are a number, the start or the end, each partition once', () => {
  assert.deepEqual(
    [...parsePositions(['3=4711', '0=start', '1=end'])],
    [
      [3, 4711],
      [0, 'start'],
      [1, 'end'],
    ],
  )
  for (const wrong of ['3', '3=', '=4', '-1=4', '3=-1', '3=begin', '3=1e3'])
    assert.throws(() => parsePositions([wrong]), { code: 'INPUT', message: /expected partition=offset/ })
  assert.throws(() => parsePositions(['3=1', '3=2']), { code: 'INPUT', message: /named twice/ })
})

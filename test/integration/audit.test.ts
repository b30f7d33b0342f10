/** `audit` on a database and a broker: nothing to say where all is well, and each planted difference by its name. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { DIFFERENCES, type DifferenceName } from '../../src/audit/differences.ts'
import { audit } from '../../src/commands/audit.ts'
import { type EmbeddedBroker, startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { platformaticTransport } from '../../src/kafka/platformatic-transport.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { DeadLetterWorld, log, mended } from '../support/dead-letter-world.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'

const server = withServer()
const MESSAGES = [log(''), mended, '{"a', `[${log('')},17,[]]`, '[1,2]', log(''), 'b', log('')]
const TABLES = [
  'logs',
  'ingest_topic',
  'ingest_ledger',
  'ingest_dead_letter',
  'ingest_gap',
  'ingest_dead_letter_purged',
]

describe('an audit', { timeout: 600_000 }, () => {
  let world: DeadLetterWorld
  let broker: EmbeddedBroker
  const planted = new Set<DifferenceName>()

  const names = async (): Promise<string[]> => {
    const { differences } = await audit({
      database: world.database.options,
      cluster: { brokers: [broker.address], clientId: 'test', requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 },
      namespace: 'default',
      topic: 'logs',
      group: 'g',
    })
    return [...new Set(differences.map(({ name }) => name))].sort()
  }
  const sql = (text: string): Promise<unknown> => world.database.client.query(text)

  before(async () => {
    broker = await startEmbeddedBroker({ topics: [{ name: 'logs', partitions: 2 }] })
    world = new DeadLetterWorld(await migratedDatabase(server()))
    const options = { brokers: [broker.address], clientId: 'test', requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 }
    const lookup = platformaticTransport(options)
    const { clusterId, topicId } = await (await lookup.openLog()).metadata('logs')
    await lookup.close()
    const producer = await openProducer(options)
    for (const partition of [0, 1]) {
      await producer.sendTo(
        'logs',
        partition,
        MESSAGES.map((text) => ({ value: Buffer.from(text) })),
      )
      await world.store(MESSAGES, { partition, topicKey: `${clusterId}:${topicId}`, partitions: [0, 1] })
    }
    await producer.close()
    for (const table of TABLES) await sql(`create table saved_${table} as table ${table}`)
    await sql('alter table ingest_ledger drop constraint every_offset_accounted_for')
  })
  after(async () => {
    await world.replay.close()
    await broker.close()
  })

  const restore = async (): Promise<void> => {
    for (const table of TABLES) {
      await sql(`truncate ${table}`)
      await sql(`insert into ${table} overriding system value select * from saved_${table}`)
    }
  }

  /** The statements are undone afterwards. */
  const plants = (expected: readonly DifferenceName[], ...statements: readonly string[]): void => {
    test(`names ${expected.join(', ')}`, async () => {
      for (const name of expected) planted.add(name)
      for (const statement of statements) await sql(statement)
      try {
        assert.deepEqual(await names(), [...expected].sort())
      } finally {
        await restore()
      }
    })
  }

  test('of an installation that adds up finds no difference, replays, discards and purges included', async () => {
    assert.deepEqual(await names(), [])
    const position = { topic: 'logs', partition: 1, offset: 1 }
    assert.equal(await world.run({ position }), 0)
    await sql(`update ingest_dead_letter set status = 'discarded' where "offset" = 2`)
    await sql(`select ingest_purge('default', clock_timestamp(), 3)`)
    assert.deepEqual(await names(), [])
    await restore()
  })

  const one = 'part = 1'
  plants(['rows_missing', 'records_differ'], 'delete from logs where kafka_partition = 1 and kafka_offset = 5')
  plants(
    ['rows_extra', 'rows_duplicated'],
    `insert into logs (service, level, message, ingest_topic_id, kafka_partition, kafka_offset, item)
     select service, level, message, ingest_topic_id, kafka_partition, kafka_offset, item from logs where kafka_partition = 1 and kafka_offset = 5`,
  )
  plants(['dead_letters_missing'], `delete from ingest_dead_letter where ${one} and "offset" = 6`)
  plants(
    ['dead_letters_extra'],
    `insert into ingest_dead_letter (namespace, topic, incarnation, part, "offset", reason, detail, fingerprint)
     values ('default', 'logs', 0, 1, 7, 'bad_json', '', '')`,
  )
  plants(['dead_items_differ'], `delete from ingest_dead_letter where ${one} and "offset" = 3 and item = 1`)
  plants(
    ['dead_letters_duplicated'],
    `insert into ingest_dead_letter select * from ingest_dead_letter where ${one} and "offset" = 2`,
  )
  plants(
    ['gaps_differ'],
    `insert into ingest_gap (namespace, topic, incarnation, part, from_offset, to_offset, reason) values ('default', 'logs', 0, 1, 0, 3, 'retention')`,
  )
  plants(['offsets_unaccounted'], `update ingest_ledger set skipped = skipped + 1 where ${one}`)
  plants(['beyond_ledger'], `update logs set kafka_offset = 500 where kafka_partition = 1 and kafka_offset = 5`)
  plants(
    ['partition_unknown', 'rows_missing', 'records_differ'],
    'update logs set kafka_partition = 7 where kafka_partition = 1 and kafka_offset = 5',
  )
  plants(['partition_unpinned', 'partition_unknown'], `delete from ingest_ledger where ${one}`)
  plants(
    ['partition_gone'],
    `insert into ingest_ledger (namespace, topic, incarnation, part, base_offset, next_offset) values ('default', 'logs', 0, 5, 0, 0)`,
  )
  plants(['beyond_log_end'], `update ingest_ledger set next_offset = next_offset + 4, holes = holes + 4 where ${one}`)
  plants(['topic_replaced'], `update ingest_topic set topic_key = 'another:topic'`)

  test('of docs/operations.md leads on: its two queries tell which row is twice, and which is gone', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8')
    const [, chapter = ''] = page.split('## Does everything add up?')
    const [twice = '', gone = ''] = [...chapter.matchAll(/```sql\n([^`]*)```/g)].map(([, query]) => query)
    const found = async (query: string): Promise<string[]> =>
      (await world.database.client.query(query)).rows.map((row) => `${row.kafka_offset ?? row.offset}`)
    assert.deepEqual(await found(twice), [])
    const byRight = await found(gone)
    await sql('delete from logs where kafka_partition = 1 and kafka_offset = 5')
    await sql(`insert into logs (service, level, message, ingest_topic_id, kafka_partition, kafka_offset, item)
      select service, level, message, ingest_topic_id, kafka_partition, kafka_offset, item from logs where kafka_partition = 1 and kafka_offset = 0`)
    assert.deepEqual(await found(twice), ['0'])
    assert.deepEqual(
      (await found(gone)).filter((each) => !byRight.includes(each)),
      ['5'],
    )
    await restore()
  })

  test('names committed_beyond_ledger and lost_to_retention, which are Kafka the ledger is behind of', async () => {
    planted.add('committed_beyond_ledger').add('lost_to_retention')
    const options = { brokers: [broker.address], clientId: 'test', requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 }
    const producer = await openProducer(options)
    await producer.sendTo('logs', 0, [{ value: Buffer.from('{}') }, { value: Buffer.from('{}') }])
    await producer.close()
    assert.deepEqual(await names(), [], 'what is not stored yet is no difference')
    const transport = platformaticTransport(options)
    const group = await transport.openGroup('g')
    const offsets = [{ partition: 0, offset: MESSAGES.length + 1, leaderEpoch: -1 }]
    await group.commit({ generation: -1, memberId: '', topic: 'logs', offsets })
    await transport.close()
    assert.deepEqual(await names(), ['committed_beyond_ledger'])
    broker.deleteRecords('logs', 0, MESSAGES.length + 1)
    assert.deepEqual(await names(), ['committed_beyond_ledger', 'lost_to_retention'])
  })

  test('has no difference in its list that was not planted here', () => {
    assert.deepEqual([...planted].sort(), Object.keys(DIFFERENCES).sort())
  })

  test('of a topic that was never started says so', async () => {
    const parts = {
      database: world.database.options,
      cluster: { brokers: [broker.address], clientId: 'test', requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 },
      namespace: 'nobody',
      topic: 'logs',
      group: 'g',
    }
    await assert.rejects(audit(parts), /was ever started/)
  })
})

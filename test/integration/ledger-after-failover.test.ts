/** The ledger of a real PostgreSQL in the moments that only the simulation had thought of. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { sessionsOf } from '../../src/postgres/session.ts'
import { logStore } from '../support/log-store.ts'
import { migratedDatabase, type TestDatabase, withServer } from '../support/postgres.ts'
import { readyRange } from '../support/ready-ranges.ts'
import { until } from '../support/until.ts'

const server = withServer()

function ledgerOf(database: TestDatabase, owner: string, epochStep?: () => number): PostgresLedger {
  const names = { namespace: 'default', group: 'processors', owner }
  return new PostgresLedger({ database: database.options, ...names, ...(epochStep && { epochStep }) })
}

const request = {
  topic: 'logs',
  topicKey: 'cluster:first',
  partitions: [0, 1],
  startPolicy: 'earliest',
  startOffsets: async () => new Map(),
} as const

describe('the ledger', { timeout: 600_000 }, () => {
  test('[P18] [F16] epochs go on where the topic of this name before had come to', async () => {
    const database = await migratedDatabase(server())
    const ledger = ledgerOf(database, 'one', () => 1)
    await ledger.pin(request)
    for (let i = 0; i < 3; i++) await ledger.claim([0])
    await ledger.pin({ ...request, topicKey: 'cluster:second' })
    const { claims } = await ledger.claim([0, 1])
    assert.deepEqual(
      claims.map(({ epoch, nextOffset }) => [epoch, nextOffset]),
      [
        [4, 0],
        [1, 0],
      ],
    )
    await ledger.close()
  })

  test('[P23] [F7] a failover takes a claim back: its owner is fenced by the next one all the same', async () => {
    const database = await migratedDatabase(server())
    const [asleep, next] = [ledgerOf(database, 'asleep'), ledgerOf(database, 'next')]
    await asleep.pin(request)
    await next.pin(request)
    const lost = (await asleep.claim([0, 1])).claims
    await database.client.query(`update ingest_ledger set epoch = 0, owner = null where part = 0`)
    // The other partition goes back to before the topic was pinned.
    await database.client.query('delete from ingest_ledger where part = 1')
    await next.pin(request)
    const { claims } = await next.claim([0, 1])
    const store = logStore(database.options, asleep)
    for (const { partition, epoch } of lost) {
      assert.notEqual(claims.find((each) => each.partition === partition)?.epoch, epoch)
      const ranges = [readyRange({ partition, epoch, from: 0, count: 1 })]
      assert.deepEqual(
        (await store.commit({ lane: 0, ranges })).map(({ kind }) => kind),
        ['fenced'],
      )
    }
    await Promise.all([store.close(), asleep.close(), next.close()])
  })

  test('[P18] [P19] a topic that was pinned before is the same incarnation, also after another one', async () => {
    const database = await migratedDatabase(server())
    const ledger = ledgerOf(database, 'one')
    const first = await ledger.pin(request)
    const second = await ledger.pin({ ...request, topicKey: 'cluster:second' })
    assert.deepEqual([second.incarnation, second.created], [1, 'recreated'])
    // A worker that slept, or the address of the first cluster again.
    assert.deepEqual(await ledger.pin(request), { ...first, created: null })
    assert.equal((await ledger.pin({ ...request, topicKey: 'cluster:third' })).incarnation, 2)
    await ledger.close()
  })

  test('[P23] [F7] a claim brings the id of the pin that holds, and says nothing of partitions that are not there', async () => {
    const database = await migratedDatabase(server())
    const [one, other] = [ledgerOf(database, 'one'), ledgerOf(database, 'other')]
    const { topicId } = await one.pin(request)
    // A failover to before the pin; the other worker pins anew.
    await database.client.query('delete from ingest_ledger')
    await database.client.query('delete from ingest_topic')
    assert.deepEqual((await one.claim([0, 1])).claims, [])
    const again = await other.pin(request)
    assert.notEqual(again.topicId, topicId)
    assert.equal((await one.claim([0])).claims.length, 1)
    assert.equal(one.pinned().topicId, again.topicId)
    await Promise.all([one.close(), other.close()])
  })

  test('[P5] a worker stopped inside its claim is ended by the server, and the rows are free', async () => {
    const database = await migratedDatabase(server())
    const open = sessionsOf(database.options)
    const held = Promise.withResolvers<void>()
    const never = new Promise<never>(() => undefined)
    const stopped = new PostgresLedger({
      database: database.options,
      namespace: 'default',
      group: 'processors',
      owner: 'stopped',
      openSession: async () => {
        const session = await open()
        const query: typeof session.query = async (sql, values) => {
          const answer = await session.query<never>(sql, values)
          if (!sql.startsWith('with claimed')) return answer
          held.resolve()
          return await never
        }
        return { ...session, query }
      },
    })
    const next = ledgerOf(database, 'next')
    await stopped.pin(request)
    await next.pin(request)
    const claim = stopped.claim([0])
    claim.catch(() => undefined)
    await held.promise
    const tried: string[] = []
    await until(
      'the next owner has its claim',
      async () => {
        try {
          return (await next.claim([0])).claims.length === 1
        } catch (error) {
          tried.push(String(error))
          return false
        }
      },
      60_000,
    )
    assert.ok(tried.length > 0, 'the rows were held')
    await Promise.all([next.close(), stopped.close()])
  })
})

/** What retention deletes, and that the ledger still adds up with what it noted; a flood that the partition gets through. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differencesOf } from '../../src/audit/differences.ts'
import { readAuditCounts } from '../../src/postgres/audit-counts.ts'
import { purgeDeadLetters } from '../../src/postgres/dead-letter-retention.ts'
import { DeadLetterWorld, log, mended } from '../support/dead-letter-world.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'

const server = withServer()
const KEEP = { daysMax: 0, bytesMax: 0 }
const MIB = 1024 * 1024

async function open(): Promise<DeadLetterWorld> {
  return new DeadLetterWorld(await migratedDatabase(server()))
}
async function differences({ database }: DeadLetterWorld): Promise<unknown[]> {
  return differencesOf(await readAuditCounts(database.options, { namespace: 'default', topic: 'logs' }), null)
}

describe('retention', { timeout: 600_000 }, () => {
  test('deletes whole records that are too old, whatever became of them, and notes what the audit needs', async () => {
    const world = await open()
    // 0: dead. 1: replayed below. 2: a row and two bad elements. 3: all bad, one of them edited below. 4: young.
    await world.store(['{"a', mended, `[${log('')},17,[]]`, '[1,2]', '{"b'])
    const at = (offset: number, item: number) => ({ position: { topic: 'logs', partition: 0, offset, item } })
    assert.equal(await world.run({ position: { topic: 'logs', partition: 0, offset: 1 } }), 0)
    assert.equal(await world.run(at(3, 0), { edited: log('') }), 0)
    assert.deepEqual(await differences(world), [])
    await world.database.client.query(
      `update ingest_dead_letter set created_at = created_at - interval '15 days' where "offset" < 4`,
    )
    const { options } = world.database
    assert.deepEqual(await purgeDeadLetters(options, 'default', KEEP), { byAge: 0, bySize: 0 }, '0 keeps them')
    assert.deepEqual(await purgeDeadLetters(options, 'other', { ...KEEP, daysMax: 14 }), { byAge: 0, bySize: 0 })
    assert.deepEqual(await purgeDeadLetters(options, 'default', { ...KEEP, daysMax: 14 }), { byAge: 6, bySize: 0 })
    assert.deepEqual(await world.letters(), ['4/-1 new 0'])
    const { rows } = await world.database.client.query(
      'select letters::int, records::int, items::int from ingest_dead_letter_purged',
    )
    assert.deepEqual(rows, [{ letters: 6, records: 1, items: 3 }])
    assert.deepEqual(await differences(world), [], 'the audit counts what was deleted')
    assert.equal((await world.ledger())['stored'], 3, 'no row was touched')
    await world.replay.close()
  })

  test('deletes the oldest where all together are too large, and stops when the rest fits', async () => {
    const world = await open()
    const values = Array.from({ length: 3000 }, (_, i) => `${i} ${'x'.repeat(600)}`)
    for (let from = 0; from < values.length; from += 1000) await world.store(values.slice(from, from + 1000))
    const { options, client } = world.database
    assert.deepEqual(await purgeDeadLetters(options, 'default', { ...KEEP, bytesMax: 100 * MIB }), {
      byAge: 0,
      bySize: 0,
    })
    const { bySize } = await purgeDeadLetters(options, 'default', { ...KEEP, bytesMax: MIB })
    // 200 bytes kept and 400 beside them, each.
    const left = 3000 - bySize
    assert.ok(left > 1600 && left <= Math.floor(MIB / 600), `${left} are left`)
    const { rows } = await client.query(
      'select min("offset")::int as first, count(*)::int as n from ingest_dead_letter',
    )
    assert.deepEqual(rows, [{ first: 3000 - left, n: left }], 'the newest are left')
    assert.deepEqual(await differences(world), [])
    await world.replay.close()
  })

  test('and a replay at the same time: each letter has one end, and the ledger adds up', async () => {
    const world = await open()
    await world.store(Array.from({ length: 400 }, () => mended))
    const purging = (async () => {
      let deleted = 0
      for (let most = 0; most < 40; most++) {
        const { rows } = await world.database.client.query(
          `select letters::int from ingest_purge('default', (select min(created_at) from ingest_dead_letter where status = 'new'), 3)`,
        )
        deleted += rows[0].letters
      }
      return deleted
    })()
    await Promise.all([world.run({}), purging])
    assert.ok((await purging) > 0)
    assert.deepEqual(await differences(world), [])
    const { records, dead, stored } = await world.ledger()
    assert.equal((records ?? 0) + (dead ?? 0), 400)
    assert.equal(records, stored)
    await world.replay.close()
  })
})

describe('a flood', { timeout: 600_000 }, () => {
  test('of nothing but bad messages, ten minutes of it in batches: the partition keeps moving, every one is a letter', async () => {
    const world = await open()
    const batch = Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? `{"broken":${i}` : '17'))
    let before = 0
    for (let second = 0; second < 600; second += 20) {
      await world.store(batch)
      const { next, dead } = await world.ledger()
      assert.deepEqual([next, dead], [before + 500, before + 500])
      before += 500
    }
    await world.store([log('')])
    assert.deepEqual(await world.ledger(), {
      records: 1,
      dead: before,
      dead_items: 0,
      rows: 1,
      next: before + 1,
      stored: 1,
      aggregated: 1,
    })
    await world.replay.close()
  })
})

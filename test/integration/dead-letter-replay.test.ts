/** Replay, discard and retention on a real PostgreSQL: what becomes of letters, rows, aggregates and the ledger's counts. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { filterOf } from '../../src/commands/dead-letter-options.ts'
import { discardAll } from '../../src/commands/dead-letters-export.ts'
import { lettersToReplay, type ReplayParts } from '../../src/commands/dead-letters-replay.ts'
import { ProcessorError } from '../../src/errors.ts'
import { DeadLetterReplay } from '../../src/postgres/dead-letter-replay.ts'
import { groupDeadLetters } from '../../src/postgres/dead-letters.ts'
import { readMigrations } from '../../src/postgres/migrate.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { BYTES_KEPT, log, mended, DeadLetterWorld as World } from '../support/dead-letter-world.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'
import { MINUTE } from '../support/ready-ranges.ts'

const server = withServer()

describe('a replay', { timeout: 600_000 }, () => {
  let world: World
  before(async () => {
    world = new World(await migratedDatabase(server()))
    // 0: a row. 1: mended by kinder code. 2: for ever bad. 3: an array with a row and two bad elements.
    // 4: an array of which nothing is good. 5: an array that kinder code reads, but for one element. 6: cut.
    await world.store([
      log(''),
      mended,
      '{"service":',
      `[${log('')},17,[]]`,
      '[1,2]',
      `[{'service':'pay'},{'service':'auth'},3]`,
      `{'service':'pay','message':'${'x'.repeat(500)}'}`,
    ])
  })

  test('begins with letters and a ledger that agree', async () => {
    assert.deepEqual(await world.ledger(), {
      records: 2,
      dead: 5,
      dead_items: 2,
      rows: 2,
      next: 7,
      stored: 2,
      aggregated: 2,
    })
    const groups = await groupDeadLetters(world.database.options, { limit: 10 })
    assert.deepEqual(
      groups.map(({ reason, count }) => [reason, count]).sort(),
      [
        ['bad_item', 1], // an array
        ['bad_item', 3], // a number, whatever its index
        ['bad_json', 4],
      ].sort(),
    )
    assert.ok(groups.every(({ firstSeen, lastSeen }) => firstSeen <= lastSeen))
  })

  test('that is dry says what would become of each and changes nothing', async () => {
    const before = [await world.ledger(), await world.letters()]
    assert.equal(await world.run({}, { dryRun: true }), 1)
    assert.match(world.said, /logs\/0\/1 {2}would be replayed: 1 row: pay \[ERROR\]/)
    assert.match(world.said, /logs\/0\/2 {2}still refused: bad_json/)
    assert.match(world.said, /logs\/0\/5 {2}would be replayed: 2 rows, 1 element still bad/)
    assert.match(world.said, /logs\/0\/6 {2}still refused: bad_json: Its bytes were cut/)
    assert.match(world.said, /nothing was changed/)
    assert.deepEqual([await world.ledger(), await world.letters()], before)
  })

  test('stores what the current code can read, once, in its place, and the ledger still adds up', async () => {
    assert.equal(await world.run({}), 1, 'some are still refused')
    const after = { records: 4, dead: 3, dead_items: 3, rows: 5, next: 7, stored: 5, aggregated: 5 }
    assert.deepEqual(await world.ledger(), after)
    assert.deepEqual(await world.letters(), [
      '1/-1 replayed 1',
      '2/-1 new 1',
      '3/1 new 1',
      '3/2 new 1',
      '4/0 new 1',
      '4/1 new 1',
      '5/-1 replayed 1',
      '5/2 new 0',
      '6/-1 new 1',
    ])
    const { rows } = await world.database.client.query(
      `select kafka_offset::int as o, item, service, anomaly_score, is_anomaly, score_source, created_at, explanation
         from logs where score_source = 'replay' order by 1, 2`,
    )
    assert.deepEqual(
      rows.map(({ o, item, service }) => [o, item, service]),
      [
        [1, 0, 'pay'],
        [5, 0, 'pay'],
        [5, 1, 'auth'],
      ],
    )
    assert.deepEqual([rows[0].anomaly_score, rows[0].is_anomaly], [1, true], 'judged by the rules')
    assert.match(rows[0].explanation.why, /an anomaly by the fixed rules, since the model has long seen/)
    assert.equal(rows[0].created_at.getTime(), MINUTE)
    await world.run({})
    assert.deepEqual(await world.ledger(), after, 'again: nothing new')
  })

  test('of one letter, many at once, stores it once', async () => {
    const edited = log(',"edited":true')
    const codes = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const replay = new DeadLetterReplay({
          database: world.database.options,
          deadLetterBytesMax: BYTES_KEPT,
          decodeHeaders: () => [],
        })
        const position = { topic: 'logs', partition: 0, offset: 2 }
        return world.run({ position }, { edited, replay }).finally(() => replay.close())
      }),
    )
    assert.equal(codes.filter((code) => code === 0).length, 1)
    assert.deepEqual(await world.ledger(), {
      records: 5,
      dead: 2,
      dead_items: 3,
      rows: 6,
      next: 7,
      stored: 6,
      aggregated: 6,
    })
  })

  test('of an edited element puts it in its place; the first one makes a dead record one with rows', async () => {
    const at = (offset: number, item: number) => ({ position: { topic: 'logs', partition: 0, offset, item } })
    assert.equal(await world.run(at(3, 1), { edited: log('') }), 0)
    assert.equal(await world.run(at(4, 1), { edited: log('') }), 0)
    assert.deepEqual(await world.ledger(), {
      records: 6,
      dead: 1,
      dead_items: 3,
      rows: 8,
      next: 7,
      stored: 8,
      aggregated: 8,
    })
    assert.equal(await world.run(at(4, 0), { edited: log('') }), 0)
    assert.deepEqual(await world.ledger(), {
      records: 6,
      dead: 1,
      dead_items: 2,
      rows: 9,
      next: 7,
      stored: 9,
      aggregated: 9,
    })
    assert.equal(await world.run(at(5, 2), { edited: '[1,2]' }), 1, 'an array is no element')
    assert.match(world.said, /still refused: bad_item/)
  })

  test('of a letter whose bytes were cut reads them from Kafka, and believes them only by their hash', async () => {
    const filter = { position: { topic: 'logs', partition: 0, offset: 6 } }
    const value = Buffer.from(`{'service':'pay','message':'${'x'.repeat(500)}'}`)
    const record = { offset: 6, timestamp: MINUTE, key: null, headers: null }
    const other = Buffer.from(value.toString().replace('pay', 'PAY'))
    assert.equal(await world.run(filter, { lookup: { read: async () => ({ ...record, value: other }) } }), 1)
    assert.equal(await world.run(filter, { lookup: { read: async () => ({ ...record, value }) } }), 0)
    assert.deepEqual(await world.ledger(), {
      records: 7,
      dead: 0,
      dead_items: 2,
      rows: 10,
      next: 7,
      stored: 10,
      aggregated: 10,
    })
  })
})

describe('a row that PostgreSQL refuses', { timeout: 600_000 }, () => {
  test('leaves the letter new, with the attempt and its error, and nothing of the replay', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store([mended, mended])
    await world.database.client.query(`alter table logs add constraint no_mended check (message <> 'mended') not valid`)
    const before = await world.ledger()
    assert.equal(await world.run({}), 1)
    assert.deepEqual(await world.ledger(), before)
    assert.deepEqual(await world.letters(), ['0/-1 new 1', '1/-1 new 1'])
    const { rows } = await world.database.client.query('select outcome from ingest_dead_letter')
    assert.match(rows[0].outcome, /23514/)
    await world.database.client.query('alter table logs drop constraint no_mended')
    assert.equal(await world.run({}), 0)
    assert.deepEqual(await world.letters(), ['0/-1 replayed 2', '1/-1 replayed 2'])
    await world.replay.close()
  })
})

describe('an answer that is lost', { timeout: 600_000 }, () => {
  test('after the replay had committed: the next try finds it done, and nothing is stored twice', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store([mended, mended])
    let calls = 0
    const replay: ReplayParts['replay'] = {
      failed: (...what) => world.replay.failed(...what),
      async store(...what) {
        const outcome = await world.replay.store(...what)
        if (++calls === 1) throw new ProcessorError('POSTGRES_UNAVAILABLE', 'the connection was lost')
        return outcome
      },
    }
    assert.equal(await world.run({}, { replay }), 0)
    assert.equal(calls, 3)
    assert.match(world.said, /2 dead letters: 2 replayed; 2 rows/)
    const after = { records: 2, dead: 0, dead_items: 0, rows: 2, next: 2, stored: 2, aggregated: 2 }
    assert.deepEqual(await world.ledger(), after)
    await world.replay.close()
  })
})

describe('letters that are named', { timeout: 600_000 }, () => {
  test('and were replayed or discarded before are told as such, and left as they are', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store([mended, '{"service":', mended])
    const { options: database } = world.database
    const named = lettersToReplay(['logs/0/0', 'logs/0/1'], { rate: 1e6 }, { database, namespace: 'default' })
    assert.equal(await world.run({ position: { topic: 'logs', partition: 0, offset: 0 } }), 0)
    await discardAll({ database, write: () => undefined }, [filterOf({ reason: 'bad_json' })], {
      why: 'old',
      erase: false,
    })
    const before = [await world.ledger(), await world.letters()]
    assert.equal(await world.replayed(named), 1)
    assert.match(world.said, /^logs\/0\/0 {2}not new: it was replayed before \(1 row\)$/m)
    assert.match(world.said, /^logs\/0\/1 {2}not new: it was discarded before \(old\)$/m)
    assert.match(world.said, /^2 dead letters: 2 not new; 0 rows$/m)
    const all = lettersToReplay([], { rate: 1e6, all: true }, { database, namespace: 'default' })
    assert.equal(await world.replayed(all), 1)
    assert.match(world.said, /^no new dead letters match$/m)
    const folder = await scratchFolder('replay')
    const input = join(folder, 'letters.jsonl')
    await writeFile(
      input,
      '{"position":"logs/0/1","value":"{}"}\n{"position":"logs/7/9","value":"{}"}\n{"value":"{}"}\n',
    )
    const listed = lettersToReplay([], { rate: 1e6, input }, { database, namespace: 'default' })
    await assert.rejects(world.replayed(listed), /letters\.jsonl, line 3 .*no position/)
    assert.match(world.said, /^logs\/0\/1 {2}not new: it was discarded before \(old\)$/m)
    assert.match(world.said, /^logs\/7\/9 {2}not there: /m)
    assert.deepEqual([await world.ledger(), await world.letters()], before)
    await world.replay.close()
  })
})

describe('a rate', { timeout: 600_000 }, () => {
  test('of letters a second is kept, and so is the limit', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store(Array.from({ length: 12 }, () => mended))
    let nowMs = 0
    const time = {
      clock: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms
      },
    }
    assert.equal(await world.run({}, { ...time, rate: 4, limit: 9 }), 0)
    assert.equal(nowMs, 2_000, 'the ninth letter is begun two seconds after the first')
    assert.equal((await world.ledger())['records'], 9)
    await world.replay.close()
  })
})

describe('letters from before the replay existed', { timeout: 600_000 }, () => {
  test('are counted by what the table of logs says of their records', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store([`[${log('')},17]`, '[1]'])
    await world.database.client.query('update ingest_dead_letter set alone = null')
    assert.equal(await world.run({}, { edited: log('') }), 0)
    assert.deepEqual(await world.ledger(), {
      records: 2,
      dead: 0,
      dead_items: 0,
      rows: 3,
      next: 2,
      stored: 3,
      aggregated: 3,
    })
    await world.replay.close()
  })
})

describe('the migration of such letters', { timeout: 600_000 }, () => {
  test('notes for each what the flush would have noted', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store([`[${log('')},17]`, '[1]', '{"a', `[${log('')},{},2,3]`])
    const { client } = world.database
    const noted = async (): Promise<unknown[]> =>
      (await client.query('select "offset", item, alone from ingest_dead_letter order by 1, 2')).rows
    const before = await noted()
    await client.query('update ingest_dead_letter set alone = null')
    const migration = readMigrations().find(({ name }) => name === 'dead_letters_alone')
    assert.ok(migration !== undefined)
    await client.query(migration.sql)
    assert.deepEqual(await noted(), before)
    await world.replay.close()
  })
})

const FIRST = [{ position: { topic: 'logs', partition: 0, offset: 0 } }]

/** What `discardAll` needs, and what it has said so far. */
function discardingIn({ database }: World) {
  let said = ''
  const write = (text: string): void => {
    said += text
  }
  return { database: database.options, write, said: () => said }
}

describe('a discard', { timeout: 600_000 }, () => {
  test('keeps the letter with its reason, erases its bytes if asked, and no replay takes it up', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store([mended, mended])
    const discarding = discardingIn(world)
    assert.equal(await discardAll(discarding, FIRST, { why: 'a test', erase: true }), 0)
    assert.equal(await discardAll(discarding, FIRST, { why: 'again', erase: false }), 1, 'none was new')
    assert.match(discarding.said(), /^logs\/0\/0 {2}not new: it was discarded before \(a test\)$/m)
    const nowhere = [{ position: { topic: 'logs', partition: 9, offset: 0 } }]
    assert.equal(await discardAll(discarding, nowhere, { why: 'again', erase: false }), 1)
    assert.match(discarding.said(), /^no dead letter at logs\/9\/0$/m)
    assert.equal(await world.run({}), 0)
    assert.deepEqual(await world.letters(), ['0/-1 discarded 0', '1/-1 replayed 1'])
    assert.deepEqual(await world.ledger(), {
      records: 1,
      dead: 1,
      dead_items: 0,
      rows: 1,
      next: 2,
      stored: 1,
      aggregated: 1,
    })
    const { rows } = await world.database.client.query(
      `select outcome, value, value_size::int as size from ingest_dead_letter where status = 'discarded'`,
    )
    assert.deepEqual(rows, [{ outcome: 'a test', value: null, size: mended.length }])
    await assert.rejects(discardAll(discarding, [filterOf({})], { why: ' ', erase: false }), /--why/)
    await world.replay.close()
  })

  test('erases the bytes of those discarded before, which keep their reason', async () => {
    const world = new World(await migratedDatabase(server()))
    await world.store([mended, mended])
    const discarding = discardingIn(world)
    assert.equal(await discardAll(discarding, FIRST, { why: 'first', erase: false }), 0)
    assert.equal(await discardAll(discarding, [filterOf({})], { why: 'second', erase: true }), 0)
    assert.match(
      discarding.said(),
      /^1 dead letter discarded, their bytes erased: second\n1 dead letter discarded before: their bytes erased$/m,
    )
    assert.equal(
      await discardAll(discarding, [filterOf({})], { why: 'third', erase: true }),
      1,
      'nothing is left to do',
    )
    const { rows } = await world.database.client.query(
      'select outcome, value from ingest_dead_letter order by "offset"',
    )
    assert.deepEqual(rows, [
      { outcome: 'first', value: null },
      { outcome: 'second', value: null },
    ])
    await world.replay.close()
  })
})

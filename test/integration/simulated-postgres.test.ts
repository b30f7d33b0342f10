/** One law, both implementations: what the product asks of PostgreSQL is answered alike by the real one and by the simulation's. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import type { CommitOutcome, ReadyRange } from '../../src/pipeline.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { type OpenSession, sessionsOf } from '../../src/postgres/session.ts'
import { Database, keyOf } from '../simulation/database.ts'
import { DatabaseLink } from '../simulation/database-link.ts'
import { Dice } from '../simulation/dice.ts'
import { Schedule } from '../simulation/schedule.ts'
import { SimProcess } from '../simulation/sim-process.ts'
import { logStore, pinRequest } from '../support/log-store.ts'
import { NO_DATABASE } from '../support/no-database.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'
import { readyRange, rejectAt } from '../support/ready-ranges.ts'

const server = withServer()

interface Side {
  readonly openSession: OpenSession
  /** Waits for an answer. */
  readonly done: <T>(answer: Promise<T>) => Promise<T>
  readonly forget: (part: number) => Promise<void>
  /** The ledger's rows and what is stored beside them, in one form. */
  readonly state: () => Promise<unknown>
}

const LEDGER = `select incarnation, part, base_offset::int base, next_offset::int next, epoch::int, owner, owner_group, records::int,
  dead::int, dead_items::int, skipped::int, holes::int, gaps::int, rows_written::int rows, leader_epoch, tail_offset::int tail,
  tail_crc::bigint::text crc from ingest_ledger order by incarnation, part`

async function real(): Promise<Side> {
  const { client, options } = await migratedDatabase(server())
  const list = async (sql: string): Promise<unknown[]> => (await client.query(sql)).rows
  return {
    openSession: sessionsOf(options),
    done: (answer) => answer,
    forget: async (part) => void (await client.query('delete from ingest_ledger where part = $1', [part])),
    state: async () => ({
      ledger: await list(LEDGER),
      logs: await list(
        'select ingest_topic_id topic, kafka_partition part, kafka_offset::int "offset", item, message from logs order by 1, 2, 3, 4',
      ),
      letters: await list(
        'select incarnation, part, "offset"::int, item, reason from ingest_dead_letter order by 1, 2, 3, 4',
      ),
      snapshots: await list(
        "select incarnation, part, at_offset::int at, encode(state, 'hex') state from detector_snapshot order by 1, 2",
      ),
    }),
  }
}

function simulated(): Side {
  const schedule = new Schedule()
  const dice = new Dice(1)
  const postgres = new Database(schedule, { compareAndSet: true, fencing: true })
  const link = new DatabaseLink({
    database: postgres,
    process: new SimProcess(schedule, dice),
    dice,
    backends: new Set(),
  })
  const byKey = <T>(lists: ReadonlyMap<string, T>): T[] =>
    [...lists].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
  return {
    openSession: link.open,
    done: async (answer) => {
      let over = false
      const ended = answer.finally(() => {
        over = true
      })
      ended.catch(() => undefined)
      await schedule.run(() => over)
      return await ended
    },
    forget: async (part) => {
      for (const row of [...postgres.ledger.values()])
        if (row.part === part) postgres.ledger.delete(keyOf(row.incarnation, part))
    },
    state: async () => ({
      ledger: byKey(postgres.ledger).map((row) => ({
        incarnation: row.incarnation,
        part: row.part,
        base: row.base,
        next: row.next,
        epoch: row.epoch,
        owner: row.owner,
        owner_group: row.group,
        records: row.records,
        dead: row.dead,
        dead_items: row.deadItems,
        skipped: row.skipped,
        holes: row.holes,
        gaps: row.gaps,
        rows: row.rows,
        leader_epoch: row.leaderEpoch,
        tail: row.tailOffset,
        crc: row.tailCrc === null ? null : String(row.tailCrc),
      })),
      logs: byKey(postgres.logs)
        .flat()
        .map(({ topicId, partition, offset, item, message }) => ({
          topic: topicId,
          part: partition,
          offset,
          item,
          message,
        })),
      letters: byKey(postgres.letters)
        .flat()
        .map(({ incarnation, partition, offset, item, reason }) => ({
          incarnation,
          part: partition,
          offset,
          item,
          reason,
        }))
        .toSorted((a, b) => a.part - b.part || a.offset - b.offset || a.item - b.item),
      snapshots: [...postgres.snapshots]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, { atOffset, state }]) => {
          const [incarnation, part] = key.split(':').map(Number)
          return { incarnation, part, at: atOffset, state: state.toString('hex') }
        }),
    }),
  }
}

/** Everything the product asks, in an order that meets every answer; what was answered, and what is there in the end. */
async function story(side: Side): Promise<unknown[]> {
  const { openSession, done } = side
  const told: unknown[] = []
  const ledgerOf = (owner: string, group = 'processors'): PostgresLedger =>
    new PostgresLedger({
      database: NO_DATABASE,
      openSession,
      namespace: 'default',
      group,
      owner,
      epochStep: () => 1,
    })
  const [one, other, stranger] = [ledgerOf('one'), ledgerOf('other'), ledgerOf('stranger', 'strangers')]
  // In the thread: the simulation's time passes while nothing else happens.
  const pack = async (state: Uint8Array): Promise<Buffer> => zstdCompressSync(state)
  const store = logStore(NO_DATABASE, one, { openSession, deadLetterBytesMax: 64, pack })
  const tell = async (what: string, answer: Promise<unknown>): Promise<void> =>
    void told.push([what, await done(answer)])
  const kinds = (outcomes: readonly CommitOutcome[]): unknown[] =>
    outcomes.map((each) => [each.kind, each.kind === 'moved' ? each.nextOffset : each.range.to])
  const commit = (what: string, ...ranges: ReadyRange[]): Promise<void> =>
    tell(what, store.commit({ lane: 0, ranges }).then(kinds))
  const claims = (what: string, ledger: PostgresLedger, parts: number[]): Promise<void> =>
    tell(
      what,
      ledger
        .claim(parts)
        .then(({ claims: found, refused }) => [
          found.map(({ partition, epoch, baseOffset, nextOffset, tail, startLeaderEpoch, snapshot }) => [
            partition,
            epoch,
            baseOffset,
            nextOffset,
            tail,
            startLeaderEpoch,
            snapshot?.atOffset ?? null,
          ]),
          refused,
        ]),
    )
  const request = {
    ...pinRequest([0, 1], 'c:first'),
    startOffsets: async () => new Map([[1, { offset: 5, leaderEpoch: 2 }]]),
  }
  const tail = {
    leaderEpoch: 3,
    offset: 9,
    timestamp: readyRange({ from: 0, count: 1 }).range.records.at(0)!.timestamp,
    crc: 77,
  }

  await tell('first pin', one.pin(request))
  await tell('second pin', other.pin({ ...request, partitions: [0, 1, 2] }))
  await tell('pin of another group', stranger.pin({ ...request, partitions: [0, 1, 2] }))
  await claims('claim', one, [0, 1, 2])
  await commit(
    'rows, letters, skips, holes',
    readyRange(
      { from: 0, count: 10 },
      {
        logs: readyRange({ from: 0, count: 6 }).logs,
        rejects: [rejectAt(6), rejectAt(1, { item: 1 })],
        skips: { tombstone: 1 },
        snapshot: { partition: 0, atOffset: 10, format: 1, state: Uint8Array.of(7, 8) },
        range: { holes: 2, tail },
      },
    ),
    readyRange({ partition: 1, from: 5, count: 3 }),
  )
  await commit('again', readyRange({ from: 0, count: 10 }), readyRange({ partition: 1, from: 8, count: 1 }))
  await commit('ahead', readyRange({ from: 12, count: 2 }))
  await commit('behind', readyRange({ from: 3, count: 2 }))
  await commit(
    'gap',
    readyRange(
      { partition: 2, from: 0, count: 4 },
      { logs: [], range: { records: [], gap: { from: 0, to: 4, reason: 'retention' } } },
    ),
  )
  await claims('a foreign group', stranger, [0])
  await claims('another worker', other, [0])
  await commit('fenced', readyRange({ from: 10, count: 1 }), readyRange({ partition: 1, from: 9, count: 1 }))
  await tell('seen', one.seen([1]))
  await tell('release', other.release([0]))
  await side.forget(2)
  await claims('a row that is gone', one, [1, 2])
  await commit('into a row that is gone', readyRange({ partition: 2, from: 4, count: 1 }))
  await tell('pinned again', one.pin({ ...request, partitions: [0, 1, 2] }))
  await tell('made again', one.pin({ ...request, topicKey: 'c:second' }))
  await claims('of the new one', one, [0, 1])
  told.push(await side.state())
  await done(Promise.all([store.close(), one.close(), other.close(), stranger.close()]))
  return told
}

describe('what the product asks of PostgreSQL', { timeout: 600_000 }, () => {
  test('is answered alike by the real one and by the simulation', async () => {
    const [byReal, bySimulation] = [await story(await real()), await story(simulated())]
    assert.ok(byReal.length > 15)
    for (const [index, answer] of byReal.entries()) assert.deepEqual(bySimulation[index], answer)
  })
})

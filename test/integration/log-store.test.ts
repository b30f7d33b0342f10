/** The store and the ledger on a real PostgreSQL: what is stored once, what is refused, and what a cut connection leaves. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { epochMs, type ScoredLog } from '../../src/log.ts'
import type { CommitOutcome, ReadyRange } from '../../src/pipeline.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import type { LogStore, LogStoreOptions } from '../../src/postgres/log-store.ts'
import { logStore, pinRequest } from '../support/log-store.ts'
import { migratedDatabase, type TestDatabase, withServer } from '../support/postgres.ts'
import { logAt, MINUTE, readyRange, recordAt, rejectAt } from '../support/ready-ranges.ts'

const server = withServer()
const PARTITIONS = [0, 1, 2, 3]

interface World {
  readonly database: TestDatabase
  readonly ledger: PostgresLedger
  readonly store: LogStore
  /** Answers of the database, by name of column n. */
  number(sql: string): Promise<number>
  close(): Promise<void>
}

function ledgerOf(database: TestDatabase, group = 'processors', owner = 'worker-1'): PostgresLedger {
  const names = { namespace: 'default', group, owner }
  return new PostgresLedger({ database: database.options, ...names, epochStep: () => 1 })
}

const request = pinRequest(PARTITIONS)

async function world(database: TestDatabase, overrides: Partial<LogStoreOptions> = {}): Promise<World> {
  const ledger = ledgerOf(database)
  await ledger.pin(request)
  await ledger.claim(PARTITIONS)
  const store = logStore(database.options, ledger, {
    deadLetterBytesMax: 16,
    decodeHeaders: (section) => [['trace', section.toString('base64')]],
    lanes: 2,
    ...overrides,
  })
  const number = async (sql: string): Promise<number> => Number((await database.client.query(sql)).rows[0].n)
  const close = async (): Promise<void> => {
    await store.close()
    await ledger.close()
  }
  return { database, ledger, store, number, close }
}

const kinds = (outcomes: readonly CommitOutcome[]): string[] => outcomes.map(({ kind }) => kind)
const commit = (at: World, ...ranges: ReadyRange[]): Promise<CommitOutcome[]> => at.store.commit({ lane: 0, ranges })
const ROWS = 'select count(*) n from logs'
const NEXT = 'select next_offset n from ingest_ledger where part = 0'
const UNACCOUNTED = `select count(*) n from ingest_ledger
  where records + dead + skipped + holes + gaps <> next_offset - base_offset`

function inWorld(name: string, run: (at: World) => Promise<void>, overrides: Partial<LogStoreOptions> = {}): void {
  test(name, async (context) => {
    // A store retries for ever: past the test's time it must not go on burning the machine.
    const at = await world(await migratedDatabase(server()), { signal: context.signal, ...overrides })
    try {
      await run(at)
      assert.equal(await at.number(UNACCOUNTED), 0)
    } finally {
      await at.close()
    }
  })
}

describe('the store', { timeout: 600_000 }, () => {
  inWorld('a batch is stored whole: rows, dead letters, gaps, snapshots, aggregates and the position', async (at) => {
    const record = {
      ...recordAt(5, 'a value of more than sixteen bytes'),
      key: Buffer.from([0, 255]),
      headers: Buffer.from('h'),
    }
    const outcomes = await commit(
      at,
      readyRange(
        { from: 0, count: 10 },
        {
          logs: [0, 1, 2].map((offset) => logAt(offset)),
          rejects: [rejectAt(5, { record, service: 'auth', detail: 'no \u0000 JSON' }), rejectAt(1, { item: 1 })],
          skips: { tombstone: 1 },
          snapshot: { partition: 0, atOffset: 10, format: 1, state: Uint8Array.of(1, 2, 255) },
          range: {
            holes: 2,
            gap: { from: 7, to: 10, reason: 'retention' },
            tail: { leaderEpoch: 4, offset: 6, timestamp: MINUTE, crc: 4_000_000_000 },
          },
        },
      ),
    )
    assert.deepEqual(kinds(outcomes), ['committed'])
    const { rows } = await at.database.client.query(
      `select next_offset::int next, records::int, dead::int, dead_items::int, skipped::int, holes::int, gaps::int,
              rows_written::int, leader_epoch, tail_offset::int tail, tail_crc
         from ingest_ledger where part = 0`,
    )
    assert.deepEqual(rows[0], {
      next: 10,
      records: 3,
      dead: 1,
      dead_items: 1,
      skipped: 1,
      holes: 2,
      gaps: 3,
      rows_written: 3,
      leader_epoch: 4,
      tail: 6,
      tail_crc: '4000000000',
    })
    const [letter] = (await at.database.client.query('select * from ingest_dead_letter where item = -1')).rows
    assert.equal(letter.value.toString(), 'a value of more ')
    assert.equal(letter.value_size, '34')
    assert.equal(letter.value_sha256.length, 32)
    assert.deepEqual(letter.key, Buffer.from([0, 255]))
    assert.deepEqual([letter.status, letter.attempts, letter.detail], ['new', 0, 'no \ufffd JSON'])
    assert.deepEqual(letter.headers, [['trace', 'aA==']])
    assert.equal(await at.number('select to_offset - from_offset n from ingest_gap'), 3)
    const { claims } = await at.ledger.claim([0])
    assert.deepEqual(claims[0]?.tail, { leaderEpoch: 4, offset: 6, timestamp: MINUTE, crc: 4_000_000_000 })
    assert.deepEqual([...(claims[0]?.snapshot?.state ?? [])], [1, 2, 255])
    assert.equal(claims[0]?.trafficShare, 10_003 / 40_003, 'three records more than the other three partitions')
  })

  inWorld(
    'as long as a partition has no snapshot its part of the traffic is an equal one, however far it is',
    async (at) => {
      await commit(at, readyRange({ from: 0, count: 20_000 }))
      const share = async (): Promise<number | undefined> => (await at.ledger.claim([0])).claims[0]?.trafficShare
      assert.equal(await share(), 1 / 4)
      const snapshot = { partition: 0, atOffset: 20_001, format: 1, state: Uint8Array.of(1) }
      await commit(at, readyRange({ epoch: 2, from: 20_000, count: 1 }, { snapshot }))
      assert.equal(await share(), 30_001 / 60_001)
    },
  )

  inWorld('a snapshot takes the place of the one before, and comes back as it was, of whatever size', async (at) => {
    const state = Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 2_654_435_761) >>> 11)
    const snapshotAt = (atOffset: number, bytes: Uint8Array) => ({ partition: 0, atOffset, format: 8, state: bytes })
    await commit(at, readyRange({ from: 0, count: 2 }, { snapshot: snapshotAt(2, state.subarray(7)) }))
    await commit(at, readyRange({ from: 2, count: 2 }, { snapshot: snapshotAt(4, state) }))
    assert.equal(await at.number('select count(*) n from detector_snapshot'), 1)
    const { claims } = await at.ledger.claim([0])
    const stored = claims[0]?.snapshot
    assert.deepEqual([stored?.atOffset, stored?.format], [4, 8])
    assert.ok(Buffer.from(state).equals(stored?.state ?? Buffer.alloc(0)))
    // As workers of the version before write it, which may still run beside this one.
    await at.database.client.query(
      `insert into detector_snapshot (namespace, topic, incarnation, part, at_offset, format, state)
       select namespace, topic, incarnation, part, 5, 7, '\\x01' from detector_snapshot
       on conflict (namespace, topic, incarnation, part) do update
          set at_offset = excluded.at_offset, format = excluded.format, state = excluded.state`,
    )
    assert.equal(await at.number('select at_offset n from detector_snapshot where format = 7'), 5)
    assert.equal(await at.number('select count(*) n from detector_snapshot'), 1)
  })

  inWorld(
    'a row of aggregates is updated beside itself: the index does not grow with the batches of a minute',
    async (at) => {
      const services = 2_000
      const logs = (from: number): ScoredLog[] =>
        Array.from({ length: services }, (_, i) => logAt(from + i, { service: `service-${i}` }))
      const batch = (turn: number): Promise<unknown> => {
        const from = turn * services
        return commit(at, readyRange({ from, count: services }, { logs: logs(from) }))
      }
      const indexBytes = (): Promise<number> => at.number(`select pg_indexes_size('log_aggregates') n`)
      await batch(0)
      const before = await indexBytes()
      for (let turn = 1; turn < 12; turn++) await batch(turn)
      assert.equal(await indexBytes(), before)
      assert.equal(await at.number('select count(*) n from log_aggregates where total_logs = 12'), services)
    },
  )

  inWorld('a state is packed by the worker, and PostgreSQL does not try to', async (at) => {
    const state = new Uint8Array(1_000_000).map((_, i) => (i % 512 < 64 ? (i * 7_919) >>> 5 : 0))
    await commit(at, readyRange({ from: 0, count: 2 }, { snapshot: { partition: 0, atOffset: 2, format: 8, state } }))
    const stored = await at.number('select pg_column_size(state) n from detector_snapshot')
    assert.ok(stored < state.length / 4, `${stored} bytes`)
    assert.equal(
      await at.number('select count(*) n from detector_snapshot where pg_column_size(state) = length(state)'),
      1,
    )
  })

  inWorld('[P6] the same batch again is a duplicate and changes nothing', async (at) => {
    const range = readyRange({ from: 0, count: 5 })
    assert.deepEqual(kinds(await commit(at, range)), ['committed'])
    assert.deepEqual(kinds(await commit(at, range)), ['duplicate'])
    assert.equal(await at.number(ROWS), 5)
    const withLetter = readyRange({ from: 5, count: 2 }, { logs: [logAt(5)], rejects: [rejectAt(6)] })
    assert.deepEqual(kinds(await commit(at, withLetter)), ['committed'])
    assert.deepEqual(kinds(await commit(at, withLetter)), ['duplicate'], 'a dead letter in it changes nothing')
    assert.equal(await at.number('select count(*) n from ingest_dead_letter'), 1)
    assert.equal(await at.number('select sum(total_logs) n from log_aggregates'), 6)
  })

  inWorld(
    'a claim by another owner fences one partition; the others of the same transaction are stored',
    async (at) => {
      const other = ledgerOf(at.database, 'processors', 'worker-2')
      await other.pin(request)
      await other.claim([2])
      await other.close()
      const outcomes = await commit(
        at,
        readyRange({ from: 0, count: 3 }),
        readyRange({ partition: 2, from: 0, count: 4 }),
      )
      assert.deepEqual(kinds(outcomes), ['committed', 'fenced'])
      assert.equal(await at.number(ROWS), 3)
    },
  )

  inWorld('a ledger that stands elsewhere answers where', async (at) => {
    await commit(at, readyRange({ from: 0, count: 5 }))
    const [ahead] = await commit(at, readyRange({ from: 9, count: 2 }))
    assert.ok(ahead?.kind === 'moved' && ahead.nextOffset === 5)
    const [behind] = await commit(at, readyRange({ from: 0, count: 3 }))
    assert.ok(behind?.kind === 'moved' && behind.nextOffset === 5)
    assert.equal(await at.number(ROWS), 5)
  })

  inWorld('a range without records moves the position', async (at) => {
    assert.deepEqual(kinds(await commit(at, readyRange({ from: 0, count: 3 }, { logs: [], range: { holes: 3 } }))), [
      'committed',
    ])
    assert.equal(await at.number(NEXT), 3)
  })

  inWorld('two lanes commit at once, and their aggregates equal the rows', async (at) => {
    for (let round = 0; round < 5; round++) {
      const commits = [0, 1].map((lane) => {
        const own = PARTITIONS.filter((partition) => partition % 2 === lane)
        const ranges = own.map((partition) => readyRange({ partition, from: round * 200, count: 200 }))
        return at.store.commit({ lane, ranges })
      })
      assert.deepEqual(
        kinds((await Promise.all(commits)).flat()),
        PARTITIONS.map(() => 'committed'),
      )
    }
    assert.equal(await at.number(ROWS), 4000)
    const { rows } = await at.database.client.query(
      `select (select sum(total_logs) from log_aggregates) = count(*) as total,
              (select sum(latency_sum) from log_aggregates) = sum(latency_ms) as latency,
              (select count(distinct part) from log_aggregates) = 4 as parts
         from logs`,
    )
    assert.deepEqual(rows[0], { total: true, latency: true, parts: true })
  })

  inWorld(
    'reserved ids are those of the rows',
    async (at) => {
      const [outcome] = await commit(at, readyRange({ from: 0, count: 3 }))
      assert.ok(outcome?.kind === 'committed')
      const { rows } = await at.database.client.query('select log_id from logs order by kafka_offset')
      assert.deepEqual(
        outcome.logIds,
        rows.map(({ log_id }) => Number(log_id)),
      )
    },
    { reserveIds: () => true },
  )
})

describe('rows that PostgreSQL refuses', { timeout: 600_000 }, () => {
  const refuse = (at: World): Promise<unknown> =>
    at.database.client.query(`alter table logs add constraint no_bad check (message not like 'bad%')`)
  const withBad = (count: number, bad: readonly number[]): ReadyRange =>
    readyRange(
      { from: 0, count },
      { logs: Array.from({ length: count }, (_, i) => logAt(i, { message: bad.includes(i) ? `bad ${i}` : 'good' })) },
    )

  for (const [how, bad] of [
    ['by line', [3, 40]],
    ['by halves', Array.from({ length: 15 }, (_, i) => i * 6)],
  ] as const) {
    inWorld(`are dead letters (${how}), the rest of the batch is stored in the same transaction`, async (at) => {
      await refuse(at)
      const [outcome] = await commit(at, withBad(100, bad))
      assert.ok(outcome?.kind === 'committed')
      assert.deepEqual(
        outcome.refused.map(({ offset }) => offset).sort((a, b) => a - b),
        [...bad],
      )
      assert.equal(await at.number(ROWS), 100 - bad.length)
      assert.equal(
        await at.number(
          `select count(*) n from ingest_dead_letter where reason = 'refused_by_database' and sqlstate = '23514'`,
        ),
        bad.length,
      )
      assert.equal(await at.number('select count(distinct xmin::text) n from logs'), 1)
    })
  }

  test('too many of them are a schema problem: not ready, nothing lost, stored when mended', async () => {
    const database = await migratedDatabase(server())
    let seen = ''
    const at: World = await world(database, {
      sleep: async () => {
        const { state } = at.store
        seen = state.kind
        await database.client.query('alter table logs drop constraint no_bad')
      },
    })
    await refuse(at)
    const [outcome] = await commit(
      at,
      withBad(
        100,
        Array.from({ length: 50 }, (_, i) => i),
      ),
    )
    assert.ok(outcome?.kind === 'committed' && outcome.refused.length === 0)
    assert.equal(seen, 'refused')
    assert.equal(at.store.state.kind, 'ready')
    assert.equal(await at.number(ROWS), 100)
    await at.close()
  })

  inWorld("the ledger's own check ends the process, with nothing stored", async (at) => {
    const lossy = readyRange({ from: 0, count: 5 }, { logs: [logAt(0)] })
    await assert.rejects(commit(at, lossy), { code: 'POSTGRES_BROKEN_INVARIANT' })
    assert.equal(await at.number(ROWS), 0)
  })

  test('a column that cannot hold our values is refused with what mends it', async () => {
    const database = await migratedDatabase(server())
    await database.client.query('alter table logs alter column anomaly_score type numeric')
    const at = await world(database)
    await assert.rejects(commit(at, readyRange({ from: 0, count: 1 })), {
      code: 'SCHEMA_INCOMPATIBLE',
      message: /alter table logs/,
    })
    await at.close()
  })

  test('[F26] a column renamed under the writer is waited for over several attempts, and nothing becomes a dead letter', async () => {
    const database = await migratedDatabase(server())
    await database.client.query('alter table logs rename column message to message_')
    const seen: string[] = []
    const at: World = await world(database, {
      sleep: async () => {
        seen.push(at.store.state.kind)
        if (seen.length === 3) await database.client.query('alter table logs rename column message_ to message')
      },
    })
    const [outcome] = await commit(at, readyRange({ from: 0, count: 5 }))
    assert.ok(outcome?.kind === 'committed' && outcome.refused.length === 0)
    assert.deepEqual(seen, ['refused', 'refused', 'refused'])
    assert.equal(await at.number(ROWS), 5)
    await at.close()
  })

  test('an older table with narrower columns is written as it is', async () => {
    const database = await migratedDatabase(server())
    await database.client.query(`alter table logs alter column service type varchar(4), alter column latency_ms type smallint,
      alter column anomaly_score type real, alter column created_at type timestamp using created_at at time zone 'UTC'`)
    const at = await world(database)
    const log = logAt(0, { service: 'ab🚨cd', latencyMs: 99_999 }, { score: 0.5 })
    await commit(at, readyRange({ from: 0, count: 1 }, { logs: [log] }))
    const { rows } = await database.client.query(
      `select service, latency_ms, anomaly_score, extract(epoch from created_at)::float8 * 1000 as ms from logs`,
    )
    assert.deepEqual(rows[0], { service: 'ab🚨c', latency_ms: 32_767, anomaly_score: 0.5, ms: MINUTE })
    await at.close()
  })
})

describe('connections that are cut', { timeout: 600_000 }, () => {
  inWorld('[P6] [F3] [F6] at any moment of a commit, every log is stored once', async (at) => {
    const rounds = 60
    const size = 400
    let writing = true
    let cuts = 0
    let startedMs = 0
    // Between half a commit and four of them, as long as they take on this machine now: cuts must not starve it.
    let commitMs = 3
    const cutter = (async () => {
      while (writing) {
        const { rowCount } = await at.database.client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'insighthub-processor test'
              and state = 'active' and pid <> pg_backend_pid()`,
        )
        cuts += rowCount ?? 0
        await new Promise((done) => setTimeout(done, Math.random() * 4 * commitMs))
        // What has not got through yet takes longer than thought.
        commitMs = Math.max(commitMs, (performance.now() - startedMs) / 8)
      }
    })()
    cutter.catch(() => undefined)
    const seen: Record<string, number> = {}
    for (let round = 0; round < rounds; round++) {
      const ranges = PARTITIONS.map((partition) => readyRange({ partition, from: round * size, count: size }))
      startedMs = performance.now()
      for (const kind of kinds(await commit(at, ...ranges))) seen[kind] = (seen[kind] ?? 0) + 1
    }
    writing = false
    await cutter
    const total = rounds * size * PARTITIONS.length
    assert.equal(await at.number(ROWS), total, JSON.stringify({ seen, cuts }))
    assert.equal(await at.number('select count(distinct (kafka_partition, kafka_offset)) n from logs'), total)
    assert.equal(await at.number('select sum(total_logs) n from log_aggregates'), total)
    assert.ok(cuts > 0, 'no connection was cut')
    assert.equal((seen['committed'] ?? 0) + (seen['duplicate'] ?? 0), rounds * PARTITIONS.length)
  })

  inWorld('[P6] [F3] a lost answer: the transaction committed, the retry finds it', async (at) => {
    const range = readyRange({ from: 0, count: 5 })
    await commit(at, range)
    // As our lane sees it after COMMIT went through and the answer did not: the same batch, on a new connection.
    await at.database.client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'insighthub-processor test' and datname = current_database() and pid <> pg_backend_pid()`,
    )
    assert.deepEqual(kinds(await commit(at, range)), ['duplicate'])
    assert.equal(await at.number(ROWS), 5)
  })
})

describe('what is read back', { timeout: 600_000 }, () => {
  let at: World
  before(async () => {
    at = await world(await migratedDatabase(server()))
  })

  test('texts, times and jsonb equal what was written', async () => {
    let from = 0
    const text = fc.string({ unit: 'binary', maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            message: text,
            userId: fc.option(text),
            latency: fc.option(fc.integer({ min: 0, max: 2_147_483_647 })),
            micros: fc.integer({ min: 0, max: 4_000_000_000 }),
            metadata: fc.option(fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 9 }), fc.integer())),
            score: fc.double({ min: 0, max: 1, noNaN: true }),
          }),
          { minLength: 1, maxLength: 20 },
        ),
        async (samples) => {
          const logs = samples.map((sample, i) =>
            logAt(
              from + i,
              {
                message: sample.message,
                userId: sample.userId,
                latencyMs: sample.latency,
                createdAt: epochMs(1_764_720_000_000 + sample.micros / 1000),
                metadata: sample.metadata === null ? null : JSON.stringify(sample.metadata).replaceAll('\\u0000', ''),
              },
              { score: sample.score, explanation: '{"why":"x"}' },
            ),
          )
          await commit(at, readyRange({ from, count: logs.length }, { logs }))
          const { rows } = await at.database.client.query(
            `select message, user_id, latency_ms, metadata, explanation, anomaly_score,
                    ((extract(epoch from created_at) - 1764720000) * 1000000)::bigint::text as micros
               from logs where kafka_offset >= $1 order by kafka_offset`,
            [from],
          )
          from += logs.length
          const stored = (value: string | null): string | null =>
            value?.toWellFormed().replaceAll('\u0000', '\ufffd') ?? null
          assert.deepEqual(
            rows,
            samples.map((sample, i) => ({
              message: stored(sample.message),
              user_id: stored(sample.userId),
              latency_ms: sample.latency,
              metadata: JSON.parse(logs[i]?.event.metadata ?? 'null'),
              explanation: { why: 'x' },
              anomaly_score: sample.score,
              micros: String(sample.micros),
            })),
          )
        },
      ),
      { numRuns: 60 },
    )
    await at.close()
  })
})

describe('the ledger', { timeout: 600_000 }, () => {
  test('[P10] [P20] the start is pinned once, also by two first starts at once; partitions added later begin at 0', async () => {
    const database = await migratedDatabase(server())
    const [one, two] = [ledgerOf(database), ledgerOf(database, 'processors', 'worker-2')]
    let asked = 0
    const first = {
      ...request,
      startOffsets: async () => {
        asked++
        return new Map(PARTITIONS.map((partition) => [partition, { offset: 70, leaderEpoch: -1 }]))
      },
    }
    const pins = await Promise.all([one.pin(first), two.pin(first)])
    assert.equal(asked, 1)
    assert.deepEqual(pins.map(({ created }) => created).sort(), ['first-start', null].sort())
    await two.pin({ ...first, partitions: [...PARTITIONS, 4] })
    const { claims } = await two.claim([0, 4])
    assert.deepEqual(
      claims.map(({ nextOffset, epoch }) => [nextOffset, epoch]),
      [
        [70, 1],
        [0, 1],
      ],
    )
    const again = await one.pin({ ...first, topicKey: 'cluster:another' })
    assert.deepEqual([again.created, again.incarnation], ['recreated', 1])
    await Promise.all([one.close(), two.close()])
  })

  test('[P22] [F24] a live foreign group is refused and named; what it left for good is free', async () => {
    const database = await migratedDatabase(server())
    const [ours, theirs] = [ledgerOf(database), ledgerOf(database, 'others', 'stranger')]
    await ours.pin(request)
    await theirs.pin(request)
    await ours.claim([0, 1])
    // Partition 2 is nobody's yet, but the topic is: a stranger must not slip in where partitions are new.
    const first = await theirs.claim([0, 1, 2])
    assert.deepEqual(
      first.refused,
      [0, 1, 2].map((partition) => ({ partition, group: 'processors' })),
    )
    assert.deepEqual(first.claims, [])
    await ours.release([0])
    assert.deepEqual((await theirs.claim([0])).claims, [], 'nor between two owners of one group')
    await ours.claim([0])
    await ours.release([0, 1], { leaving: true })
    assert.deepEqual(
      (await theirs.claim([0])).claims.map(({ epoch }) => epoch),
      [3],
    )
    await database.client.query(`update ingest_ledger set owner = 'x', owner_group = 'processors' where part = 1`)
    assert.deepEqual((await theirs.claim([1])).claims, [])
    await database.client.query(
      `update ingest_ledger set seen_at = clock_timestamp() - interval '2 minutes' where part = 1`,
    )
    assert.equal((await theirs.claim([1])).claims.length, 1)
    await Promise.all([ours.close(), theirs.close()])
  })
})

/** What a lane and the ledger send, and what they do with a connection that failed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentEvents } from '../../../src/events.ts'
import type { StartOffset } from '../../../src/ledger.ts'
import { DEADLINE_MS, DeadlinePassed } from '../../../src/postgres/connection.ts'
import { Lane } from '../../../src/postgres/lane.ts'
import { PostgresLedger } from '../../../src/postgres/ledger.ts'
import type { Session } from '../../../src/postgres/session.ts'
import { LOGS_ATTRIBUTES, NO_DATABASE } from '../../support/no-database.ts'
import { readyRange } from '../../support/ready-ranges.ts'

/** Sessions that answer what a migrated, empty database does; the first `failing` flushes are refused with a code. */
function sessions(failing: readonly string[] = []) {
  const left = [...failing]
  const sent: string[] = []
  const opened: { destroyed: boolean }[] = []
  const rowsOf = (sql: string): Record<string, unknown>[] => {
    if (sql.includes('pg_attribute')) return LOGS_ATTRIBUTES
    if (sql.includes('pg_get_serial_sequence')) return [{ name: 'logs_log_id_seq' }]
    if (sql.includes('insert into ingest_topic')) return [{ id: 1 }]
    return []
  }
  const openSession = async (): Promise<Session> => {
    const state = { destroyed: false }
    opened.push(state)
    return {
      query: async <Row>(sql: string) => {
        sent.push(sql)
        return { rows: rowsOf(sql) as Row[], command: sql.trim().split(/\s/)[0]?.toUpperCase() ?? '' }
      },
      copy: async (text) => {
        sent.push(text)
        const code = left.shift()
        if (code !== undefined) throw Object.assign(new Error(code), { code })
      },
      inTime: (work) => work,
      destroy: () => {
        state.destroyed = true
      },
      close: async () => undefined,
      onEnd: () => undefined,
    }
  }
  return { openSession, sent, opened }
}

function laneOf({ openSession }: ReturnType<typeof sessions>, events = silentEvents()): Lane {
  return new Lane({
    database: NO_DATABASE,
    openSession,
    namespace: 'default',
    topic: 'logs',
    pinned: () => ({ topicId: 1, incarnation: 0, created: null }),
    deadLetterBytesMax: 16,
    decodeHeaders: () => [],
    reserveIds: () => false,
    events,
  })
}

for (const code of ['25006', '57P01', '53100', '40P01']) {
  test(`[P24] [P25] [F8] after ${code} the connection is given up and the next attempt has another one`, async () => {
    const world = sessions([code])
    const lane = laneOf(world)
    const ranges = [readyRange({ from: 0, count: 2 })]
    await assert.rejects(lane.attempt(ranges), { code })
    assert.deepEqual(world.opened, [{ destroyed: true }])
    await lane.attempt(ranges)
    assert.deepEqual(world.opened, [{ destroyed: true }, { destroyed: false }])
  })
}

test('a database that can be connected to, but not written to, is away until something is written', async () => {
  let connected = 0
  const events = silentEvents({ postgresConnected: () => void connected++ })
  const lane = laneOf(sessions(['53100', '53100', '53100']), events)
  const ranges = [readyRange({ from: 0, count: 2 })]
  await assert.rejects(lane.attempt(ranges))
  assert.equal(connected, 1, 'the first connection')
  await assert.rejects(lane.attempt(ranges))
  await assert.rejects(lane.attempt(ranges))
  assert.equal(connected, 1)
  await lane.attempt(ranges)
  assert.equal(connected, 2, 'and the first success')
})

test('a flush that was not answered in time is given twice the time, up to two minutes, until one is answered', async () => {
  const world = sessions()
  const given: (number | undefined)[] = []
  let late = 5
  const openSession = async (): Promise<Session> => ({
    ...(await world.openSession()),
    inTime: (work, deadlineMs) => {
      if (deadlineMs === undefined) return work
      given.push(deadlineMs)
      return late-- > 0 ? Promise.reject(new DeadlinePassed(deadlineMs)) : work
    },
  })
  const lane = laneOf({ ...world, openSession })
  const ranges = [readyRange({ from: 0, count: 2 })]
  for (let attempt = 0; attempt < 5; attempt++) await assert.rejects(lane.attempt(ranges), DeadlinePassed)
  await lane.attempt(ranges)
  await lane.attempt(ranges)
  assert.deepEqual(
    given.map((ms) => (ms ?? 0) / DEADLINE_MS),
    [1, 2, 4, 8, 8, 8, 1],
  )
})

test('after another error a flush has the time that it had', async () => {
  const world = sessions(['57P01'])
  const given: (number | undefined)[] = []
  const openSession = async (): Promise<Session> => ({
    ...(await world.openSession()),
    inTime: (work, deadlineMs) => {
      if (deadlineMs !== undefined) given.push(deadlineMs)
      return work
    },
  })
  const lane = laneOf({ ...world, openSession })
  const ranges = [readyRange({ from: 0, count: 2 })]
  await assert.rejects(lane.attempt(ranges), { code: '57P01' })
  await lane.attempt(ranges)
  assert.deepEqual(given, [DEADLINE_MS, DEADLINE_MS])
})

test('[P32] the partitions of a flush are locked in one order, whatever order they come in', async () => {
  const world = sessions()
  await laneOf(world).attempt([5, 0, 3].map((partition) => readyRange({ partition, from: 0, count: 1 })))
  const fence = world.sent.at(-1)?.split('ingest_advance').at(-1) ?? ''
  assert.match(fence, /'\{0,3,5\}'::integer\[\]/)
})

test('[P5] the fence is the last statement of a flush', async () => {
  const world = sessions()
  await laneOf(world).attempt([readyRange({ from: 0, count: 1 })])
  const statements = (world.sent.at(-1) ?? '').split(';').map((each) => each.trim())
  assert.match(statements.filter((each) => each !== '').at(-1) ?? '', /^select ingest_advance\(/)
})

test('[P26] [F23] nothing is left in a session: settings and locks end with their transaction', async () => {
  const world = sessions()
  const ledger = new PostgresLedger({
    database: NO_DATABASE,
    openSession: world.openSession,
    namespace: 'default',
    group: 'g',
    owner: 'o',
  })
  const startOffsets = async (): Promise<Map<number, StartOffset>> => new Map()
  await ledger.pin({ topic: 'logs', topicKey: 'c:t', partitions: [0], startPolicy: 'earliest', startOffsets })
  await ledger.claim([0])
  await ledger.seen([0])
  await ledger.release([0])
  await laneOf(world).attempt([readyRange({ from: 0, count: 1 })])
  assert.ok(world.sent.length > 8)
  for (const sql of world.sent) {
    assert.doesNotMatch(sql, /\b(prepare|listen|declare|create temp|pg_advisory_lock|pg_try_advisory_lock)\b/i)
    assert.doesNotMatch(
      sql,
      /\bset (?!local\b|next_offset\b|owner\b|epoch\b|seen_at\b|topic_key\b|at_offset\b|total_logs\b)/i,
    )
  }
})

test('[P7] a COMMIT that is answered with ROLLBACK has pinned and claimed nothing', async () => {
  const world = sessions()
  const openSession = async (): Promise<Session> => {
    const session = await world.openSession()
    const query: Session['query'] = async <Row extends object>(sql: string, values?: unknown[]) => {
      const answer = await session.query<Row & Record<string, unknown>>(sql, values)
      return sql === 'commit' ? { ...answer, command: 'ROLLBACK' } : answer
    }
    return { ...session, query }
  }
  const ledger = new PostgresLedger({
    database: NO_DATABASE,
    openSession,
    namespace: 'default',
    group: 'g',
    owner: 'o',
  })
  const startOffsets = async (): Promise<Map<number, StartOffset>> => new Map()
  const request = { topic: 'logs', topicKey: 'c:t', partitions: [0], startPolicy: 'earliest', startOffsets } as const
  await assert.rejects(ledger.pin(request), { code: 'POSTGRES_UNAVAILABLE' })
  assert.throws(() => ledger.pinned())
})

test('a row that can not be written gives the connection up, in the middle of the copy', async () => {
  const world = sessions()
  const openSession = async (): Promise<Session> => ({
    ...(await world.openSession()),
    copy: async (_text, files) => void files.map((file) => [...file]),
  })
  const [log] = readyRange({ from: 0, count: 1 }).logs
  assert.ok(log !== undefined)
  const ranges = [readyRange({ from: 0, count: 1 }, { logs: [{ ...log, score: Number.NaN }] })]
  await assert.rejects(laneOf({ ...world, openSession }).attempt(ranges), RangeError)
  assert.deepEqual(world.opened, [{ destroyed: true }])
})

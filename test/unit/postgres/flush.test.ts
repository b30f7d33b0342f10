import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { ProcessorError } from '../../../src/errors.ts'
import { silentEvents } from '../../../src/events.ts'
import type { ReadyRange } from '../../../src/pipeline.ts'
import { type FlushWorld, flush } from '../../../src/postgres/flush.ts'
import { readyRange } from '../../support/ready-ranges.ts'

const failure = (code: string, fields: object = {}): Error => Object.assign(new Error(code), { code, ...fields })

function world(overrides: Partial<FlushWorld> = {}): FlushWorld & { slept: number[]; said: string[] } {
  const slept: number[] = []
  const said: string[] = []
  return {
    slept,
    said,
    events: silentEvents({
      postgresUnavailable: () => said.push('unavailable'),
      postgresRefused: () => said.push('refused'),
      flushRetried: ({ sqlstate }) => said.push(`retried ${sqlstate}`),
      poisonRow: ({ offset }) => said.push(`poison ${offset}`),
      databaseRewound: () => said.push('rewound'),
    }),
    sleep: async (ms) => void slept.push(ms),
    random: () => 1,
    signal: new AbortController().signal,
    found: () => undefined,
    ...overrides,
  }
}

/** Fails with these errors in turn, then stores; remembers which partitions each attempt carried. */
function failing(errors: readonly Error[]): {
  attempt: (ranges: readonly ReadyRange[]) => Promise<null>
  rehearse: () => Promise<void>
  carried: number[][]
} {
  const left = [...errors]
  const carried: number[][] = []
  return {
    carried,
    attempt: async (ranges) => {
      carried.push(ranges.map(({ range }) => range.partition))
      const error = left.shift()
      if (error !== undefined) throw error
      return null
    },
    rehearse: async () => assert.fail('not asked for'),
  }
}

/** A table that refuses the rows of these offsets, naming the first by its line. */
function refusing(offsets: ReadonlySet<number>): {
  attempt: (ranges: readonly ReadyRange[]) => Promise<null>
  rehearse: (ranges: readonly ReadyRange[]) => Promise<void>
  attempts: () => number
} {
  let attempts = 0
  const send = (ranges: readonly ReadyRange[]): void => {
    const line = ranges.flatMap(({ logs }) => logs).findIndex(({ event }) => offsets.has(event.offset)) + 1
    if (line > 0) throw failure('23514', { where: `COPY logs, line ${line}` })
  }
  return {
    attempts: () => attempts,
    attempt: async (ranges) => {
      attempts++
      send(ranges)
      return null
    },
    rehearse: async (ranges) => send(ranges),
  }
}

test('[P2] [P34] [F5] an outage is retried with growing waits up to a second, for as long as it lasts', async () => {
  const at = world()
  const outcomes = await flush(
    [readyRange({ from: 0, count: 2 })],
    failing([...Array.from({ length: 8 }, () => failure('ECONNREFUSED')), failure('57P03'), failure('40P01')]),
    at,
  )
  assert.equal(outcomes[0]?.kind, 'committed')
  assert.deepEqual(at.slept, [100, 200, 400, 800, 1000, 1000, 1000, 1000, 1000, 5000])
  assert.equal(at.said.filter((word) => word === 'unavailable').length, 9)
  assert.equal(at.said.at(-1), 'retried 40P01')
})

test('[P4] a fenced partition is left out and the rest is stored', async () => {
  const transactions = failing([failure('IH001', { detail: '1' })])
  const ranges = [0, 1, 2].map((partition) => readyRange({ partition, from: 0, count: 1 }))
  const outcomes = await flush(ranges, transactions, world())
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['committed', 'fenced', 'committed'],
  )
  assert.deepEqual(transactions.carried, [
    [0, 1, 2],
    [0, 2],
  ])
})

test('[P6] [F3] after a lost answer the ledger at our end means that it was stored', async () => {
  const outcomes = await flush(
    [readyRange({ from: 10, count: 5 })],
    failing([new Error('Connection terminated unexpectedly'), failure('IH002', { detail: '0:15' })]),
    world(),
  )
  assert.equal(outcomes[0]?.kind, 'duplicate')
})

test('a ledger that stands elsewhere moves the source, and backwards is a rewound database', async () => {
  for (const [database, said] of [
    [4, ['rewound']],
    [12, []],
    [40, []],
  ] as const) {
    const at = world()
    const [outcome] = await flush(
      [readyRange({ from: 10, count: 5 })],
      failing([failure('IH002', { detail: `0:${database}` })]),
      at,
    )
    assert.ok(outcome?.kind === 'moved' && outcome.nextOffset === database)
    assert.deepEqual(at.said, said)
  }
})

test('[P23] a ledger without the row has gone back to before it was pinned: the source looks again', async () => {
  const at = world()
  const ranges = [0, 1].map((partition) => readyRange({ partition, from: 10, count: 5 }))
  const outcomes = await flush(ranges, failing([failure('IH003')]), at)
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'moved' && outcome.nextOffset),
    [-1, -1],
  )
  assert.deepEqual(at.said, ['rewound', 'rewound'])
})

test('[P30] [F19] a refused row becomes a dead letter by its line, over several ranges', async () => {
  const ranges = [readyRange({ from: 0, count: 10 }), readyRange({ partition: 1, from: 100, count: 10 })]
  const outcomes = await flush(ranges, refusing(new Set([3, 105])), world())
  const refused = outcomes.map((outcome) => (outcome.kind === 'committed' ? outcome.refused : []))
  assert.deepEqual(
    refused.map((rejects) => rejects.map(({ offset }) => offset)),
    [[3], [105]],
  )
  const [reject] = refused[0] ?? []
  assert.ok(reject !== undefined && reject.reason === 'refused_by_database' && reject.sqlstate === '23514')
  assert.equal(reject.record.offset, 3)
})

test('[P30] many refused rows are found by halves, each once', async () => {
  const bad = new Set(Array.from({ length: 40 }, (_, i) => i * 23 + 5))
  const at = world()
  const transactions = refusing(bad)
  const [outcome] = await flush([readyRange({ from: 0, count: 1000 })], transactions, at)
  assert.ok(outcome?.kind === 'committed')
  assert.ok(isDeepStrictEqual(new Set(outcome.refused.map(({ offset }) => offset)), bad))
  assert.equal(outcome.refused.length, 40)
  assert.equal(at.said.filter((word) => word.startsWith('poison')).length, 40)
  assert.ok(transactions.attempts() <= 10, `${transactions.attempts()} attempts over the whole batch`)
})

test('[P31] too many refused rows are a matter of the schema: nothing becomes a dead letter, and it is tried again when mended', async () => {
  const bad = new Set(Array.from({ length: 60 }, (_, i) => i))
  const at = world({ sleep: async () => bad.clear() })
  const [outcome] = await flush([readyRange({ from: 0, count: 1000 })], refusing(bad), at)
  assert.ok(outcome?.kind === 'committed')
  assert.deepEqual(outcome.refused, [])
  assert.ok(at.said.includes('refused'))
})

test('[P31] [F26] missing permissions are waited for slowly', async () => {
  const at = world()
  await flush([readyRange({ from: 0, count: 1 })], failing([failure('42501'), failure('42P01')]), at)
  assert.deepEqual(at.slept, [5000, 5000])
  assert.deepEqual(at.said, ['refused', 'refused'])
})

test('[F26] a column that has gone since the start is waited for, however often this connection finds it missing', async () => {
  const at = world()
  const gone = new ProcessorError('SCHEMA_NOT_MIGRATED', 'logs has no column message: run the migrate command')
  const [outcome] = await flush([readyRange({ from: 0, count: 1 })], failing([failure('42703'), gone, gone]), at)
  assert.equal(outcome?.kind, 'committed')
  assert.deepEqual(at.slept, [5000, 5000, 5000])
  assert.deepEqual(at.said, ['refused', 'refused', 'refused'])
})

test('bugs and tables that cannot be used end it', async () => {
  const codeOf = (error: Error): Promise<string> =>
    flush([readyRange({ from: 0, count: 1 })], failing([error]), world()).then(
      () => 'stored',
      (thrown: unknown) => (thrown instanceof ProcessorError ? thrown.code : 'other'),
    )
  assert.equal(await codeOf(failure('23514')), 'POSTGRES_BROKEN_INVARIANT')
  assert.equal(await codeOf(new RangeError('not a finite number')), 'POSTGRES_BROKEN_INVARIANT')
  assert.equal(await codeOf(new ProcessorError('SCHEMA_INCOMPATIBLE', 'x')), 'SCHEMA_INCOMPATIBLE')
})

test("a stop's deadline ends the retries", async () => {
  const stop = new AbortController()
  const at = world({ signal: stop.signal, sleep: async () => stop.abort() })
  const endless = { attempt: () => Promise.reject(failure('57P03')), rehearse: () => Promise.resolve() }
  await assert.rejects(flush([readyRange({ from: 0, count: 1 })], endless, at), { code: 'STOP_DEADLINE' })
})

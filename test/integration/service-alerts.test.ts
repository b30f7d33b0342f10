/** Service alerts on a real PostgreSQL: written once, with the flush that decided them or not at all. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epochMs } from '../../src/log.ts'
import type { CommitOutcome, ReadyRange } from '../../src/pipeline.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import type { ServiceAlert } from '../../src/service-alert.ts'
import { logStore, pinRequest } from '../support/log-store.ts'
import { migratedDatabase, type TestDatabase, withServer } from '../support/postgres.ts'
import { MINUTE, readyRange } from '../support/ready-ranges.ts'

const server = withServer()
const SECOND = 1000
const request = pinRequest([0, 1])

function alert(sinceSeconds: number, fields: Partial<ServiceAlert> = {}): ServiceAlert {
  return {
    partition: 0,
    service: 'payment',
    kind: 'silence',
    sinceMs: epochMs(MINUTE + sinceSeconds * SECOND),
    untilMs: null,
    raisedAtMs: epochMs(MINUTE + (sinceSeconds + 30) * SECOND),
    observed: 0,
    expected: 41.5,
    explanation: JSON.stringify({ why: 'no log for 30 s, usually 41.5 a minute' }),
    ...fields,
  }
}
const closed = (opened: ServiceAlert, untilSeconds: number): ServiceAlert => ({
  ...opened,
  untilMs: epochMs(MINUTE + untilSeconds * SECOND),
  explanation: JSON.stringify({ why: 'logs again' }),
})

interface World {
  readonly database: TestDatabase
  commit(...ranges: ReadyRange[]): Promise<CommitOutcome[]>
  /** Seconds since MINUTE, by `since`. */
  stored(): Promise<{ service: string; since: number; until: number | null }[]>
}

function inWorld(name: string, run: (at: World) => Promise<void>): void {
  test(name, async () => {
    const database = await migratedDatabase(server())
    const ledger = new PostgresLedger({
      database: database.options,
      namespace: 'default',
      group: 'processors',
      owner: 'worker-1',
      epochStep: () => 1,
    })
    await ledger.pin(request)
    await ledger.claim([0, 1])
    const store = logStore(database.options, ledger)
    const stored: World['stored'] = async () => {
      const seconds = (column: string): string => `(extract(epoch from ${column}) * 1000 - ${MINUTE})::float8 / 1000`
      const { rows } = await database.client.query(
        `select service, ${seconds('since')} since, ${seconds('until')} until from service_alerts order by since, service`,
      )
      return rows
    }
    try {
      await run({ database, stored, commit: (...ranges) => store.commit({ lane: 0, ranges }) })
    } finally {
      await store.close()
      await ledger.close()
    }
  })
}

const kinds = (outcomes: readonly CommitOutcome[]): string[] => outcomes.map(({ kind }) => kind)

describe('service alerts', { timeout: 600_000 }, () => {
  inWorld('one that opens is stored whole', async (at) => {
    const odd = alert(0, { service: `pay"'\\ment ü🚨`, kind: 'drop', observed: 1e-7, expected: 123_456_789.25 })
    await at.commit(readyRange({ from: 0, count: 1 }, { alerts: [odd] }))
    const { rows } = await at.database.client.query(
      `select namespace, topic, incarnation, part, service, kind, until, observed, expected, explanation,
              (extract(epoch from raised_at) * 1000)::float8 raised_at
         from service_alerts`,
    )
    assert.deepEqual(rows, [
      {
        namespace: 'default',
        topic: 'logs',
        incarnation: 0,
        part: 0,
        service: odd.service,
        kind: 'drop',
        until: null,
        observed: 1e-7,
        expected: 123_456_789.25,
        explanation: { why: 'no log for 30 s, usually 41.5 a minute' },
        raised_at: odd.raisedAtMs,
      },
    ])
  })

  inWorld('one that closes gets its end and keeps what was said when it opened', async (at) => {
    const opened = alert(0)
    await at.commit(readyRange({ from: 0, count: 1 }, { alerts: [opened] }))
    await at.commit(readyRange({ from: 1, count: 1 }, { alerts: [closed(opened, 90.5)] }))
    assert.deepEqual(await at.stored(), [{ service: 'payment', since: 0, until: 90.5 }])
    const { rows } = await at.database.client.query('select explanation from service_alerts')
    assert.deepEqual(rows, [{ explanation: { why: 'no log for 30 s, usually 41.5 a minute' } }])
  })

  inWorld('opened and closed within one batch, it is one row', async (at) => {
    const opened = alert(0)
    await at.commit(readyRange({ from: 0, count: 1 }, { alerts: [opened, closed(opened, 60), alert(120)] }))
    assert.deepEqual(await at.stored(), [
      { service: 'payment', since: 0, until: 60 },
      { service: 'payment', since: 120, until: null },
    ])
  })

  inWorld('a batch committed twice, its answer lost, stores each alert once', async (at) => {
    const range = readyRange({ from: 0, count: 3 }, { alerts: [alert(0), alert(0, { service: 'search' })] })
    assert.deepEqual(kinds(await at.commit(range)), ['committed'])
    assert.deepEqual(kinds(await at.commit(range)), ['duplicate'])
    assert.equal((await at.stored()).length, 2)
  })

  inWorld('a fenced range takes its alerts with it; those of the other partition are stored', async (at) => {
    const other = new PostgresLedger({
      database: at.database.options,
      namespace: 'default',
      group: 'processors',
      owner: 'worker-2',
      epochStep: () => 1,
    })
    await other.pin(request)
    await other.claim([1])
    await other.close()
    const outcomes = await at.commit(
      readyRange({ from: 0, count: 1 }, { alerts: [alert(0)] }),
      readyRange({ partition: 1, from: 0, count: 1 }, { alerts: [alert(5, { partition: 1, service: 'search' })] }),
    )
    assert.deepEqual(kinds(outcomes), ['committed', 'fenced'])
    assert.deepEqual(await at.stored(), [{ service: 'payment', since: 0, until: null }])
  })

  inWorld('what a lost detector state left open ends where the next alert of its kind begins', async (at) => {
    await at.commit(readyRange({ from: 0, count: 1 }, { alerts: [alert(0), alert(0, { service: 'search' })] }))
    await at.commit(readyRange({ from: 1, count: 1 }, { alerts: [alert(300), alert(400, { kind: 'drop' })] }))
    assert.deepEqual(await at.stored(), [
      { service: 'payment', since: 0, until: 300 },
      { service: 'search', since: 0, until: null },
      { service: 'payment', since: 300, until: null },
      { service: 'payment', since: 400, until: null },
    ])
  })

  inWorld('an alert that ends takes along one of its kind that a lost detector state left open', async (at) => {
    await at.commit(readyRange({ from: 0, count: 1 }, { alerts: [alert(30)] }))
    const again = closed(alert(20), 90)
    await at.commit(
      readyRange({ from: 1, count: 1 }, { alerts: [again, alert(200), alert(200, { service: 'search' })] }),
    )
    assert.deepEqual(await at.stored(), [
      { service: 'payment', since: 20, until: 90 },
      { service: 'payment', since: 30, until: 90 },
      { service: 'payment', since: 200, until: null },
      { service: 'search', since: 200, until: null },
    ])
  })

  inWorld('a close that this database has not seen open is stored closed', async (at) => {
    await at.commit(readyRange({ from: 0, count: 1 }, { alerts: [closed(alert(0), 60)] }))
    assert.deepEqual(await at.stored(), [{ service: 'payment', since: 0, until: 60 }])
  })

  inWorld('numbers that are none are stored as null, and the batch with them', async (at) => {
    const range = readyRange({ from: 0, count: 1 }, { alerts: [alert(0, { expected: Number.NaN })] })
    assert.deepEqual(kinds(await at.commit(range)), ['committed'])
    const { rows } = await at.database.client.query('select expected from service_alerts')
    assert.deepEqual(rows, [{ expected: null }])
  })
})

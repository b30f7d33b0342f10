import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochMs } from '../../../src/log.ts'
import { aggregatesSql, groupsOf } from '../../../src/postgres/aggregates.ts'
import { roundHalfEven } from '../../../src/postgres/round-half-even.ts'
import { logAt, MINUTE, readyRange } from '../../support/ready-ranges.ts'

test('logs are grouped by service, minute and partition, in key order', () => {
  const later = epochMs(MINUTE + 60_000)
  const groups = groupsOf(
    [
      readyRange({ partition: 1, from: 0, count: 1 }),
      readyRange(
        { from: 0, count: 5 },
        {
          logs: [
            logAt(0, { latencyMs: 2.5, createdAt: later }),
            logAt(1, { latencyMs: 3.5, createdAt: later, level: 'ERROR' }, { isAnomaly: true }),
            logAt(2, { latencyMs: null, createdAt: later, level: 'FATAL' }),
            logAt(3, { latencyMs: 7 }),
            logAt(4, { service: 'auth', latencyMs: null }),
          ],
        },
      ),
    ],
    roundHalfEven,
  )
  const minute = MINUTE / 60_000
  const none = { total: 1, errors: 0, anomalies: 0 }
  assert.deepEqual(groups, [
    { service: 'auth', minute, partition: 0, ...none, latencySum: 0, latencyCount: 0 },
    { service: 'payment', minute, partition: 0, ...none, latencySum: 7, latencyCount: 1 },
    { service: 'payment', minute, partition: 1, ...none, latencySum: 12, latencyCount: 1 },
    {
      service: 'payment',
      minute: minute + 1,
      partition: 0,
      total: 3,
      errors: 2,
      anomalies: 1,
      latencySum: 6,
      latencyCount: 2,
    },
  ])
})

test('a service never becomes SQL text', () => {
  const service = `x'); drop table logs; --`
  const sql = aggregatesSql(
    groupsOf([readyRange({ from: 0, count: 1 }, { logs: [logAt(0, { service })] })], roundHalfEven),
  )
  assert.ok(!sql.includes('drop table'))
  assert.ok(sql.includes(Buffer.from(service).toString('hex')))
  assert.equal(aggregatesSql([]), '')
})

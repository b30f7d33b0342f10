/** What docs/operations.md tells an operator to do about a log that was cut, done to a real ledger. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { differencesOf } from '../../src/audit/differences.ts'
import { readAuditCounts } from '../../src/postgres/audit-counts.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'

const server = withServer()
const page = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/operations.md'), 'utf8')
const STATEMENTS =
  /## A log that is not the one that was read\n[\s\S]*?\n( {4}begin;\n[\s\S]*? {4}commit;\n)/.exec(page)?.[1] ?? ''

test('[F16] after the statements of the page the partition goes on where the operator says, the others where they were', async () => {
  const { client, options } = await migratedDatabase(server())
  const ledger = new PostgresLedger({ database: options, namespace: 'default', group: 'processors', owner: 'one' })
  const partitions = [0, 1, 2, 3]
  const request = {
    topic: 'logs',
    topicKey: 'cluster:topic',
    partitions,
    startPolicy: 'earliest',
    startOffsets: async () => new Map<number, number>(),
  } as const
  const first = await ledger.pin(request)
  await ledger.claim(partitions)
  await client.query(
    `update ingest_ledger set next_offset = 4800 + part, skipped = 4800 + part, leader_epoch = 1, tail_offset = 4799 + part, tail_ts = 1, tail_crc = 1`,
  )
  await ledger.release(partitions)
  await client.query(STATEMENTS)
  const again = await ledger.pin(request)
  assert.deepEqual([again.incarnation, again.created], [1, null])
  assert.notEqual(again.topicId, first.topicId)
  const { claims, refused } = await ledger.claim(partitions)
  assert.deepEqual(refused, [])
  assert.deepEqual(
    claims.map(({ epoch, baseOffset, nextOffset, tail }) => [epoch, baseOffset, nextOffset, tail]),
    [
      [2, 4800, 4800, null],
      [2, 4801, 4801, null],
      [2, 4802, 4802, null],
      [2, 4711, 4711, null],
    ],
  )
  const counts = await readAuditCounts(options, { namespace: 'default', topic: 'logs' })
  assert.deepEqual(differencesOf(counts, null), [])
  await ledger.close()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FORM } from '../../../src/json-string.ts'
import { epochMs, type ScoredLog } from '../../../src/log.ts'
import { PooledLog } from '../../../src/log-pool.ts'
import { BinaryRows } from '../../../src/postgres/binary-rows.ts'
import { standardRow } from '../../../src/postgres/standard-row.ts'

const TEXT = Buffer.from(
  Array.from({ length: 300 }, (_, i) => 0x20 + ((i * 7) % 95)).map((code) => (code === 0x5c ? 0x2f : code)),
)

function pooled(of: Partial<PooledLog>): PooledLog {
  const log = new PooledLog()
  return Object.assign(
    log,
    { service: 'api', level: 'WARN', bytes: TEXT, createdAt: epochMs(1_767_225_600_000.25) },
    of,
  )
}

/** The same log in strings: written field by field. */
function inStrings({ event, ...judgement }: ScoredLog): ScoredLog {
  const { partition, offset, item, service, level, message, latencyMs, createdAt, recordTimestamp, userId, metadata } =
    event
  const fields = { partition, offset, item, service, level, message, latencyMs, createdAt, recordTimestamp }
  return { ...judgement, event: { ...fields, userId, metadata } }
}

function written(logs: readonly ScoredLog[]): Buffer {
  const rows = new BinaryRows(32)
  const write = standardRow(7)
  rows.start(1 << 20)
  for (const log of logs) write(rows, log)
  return Buffer.from(rows.finish())
}

test('a log that lies among bytes has the row of the same log in strings, in memory that has to grow for it', () => {
  const logs: ScoredLog[] = []
  const lengths = [0, 1, 31, 32, 33, 200]
  for (const [at, messageBytes] of lengths.entries()) {
    const latency = [-1, 0, 2.5, 3.5, 2_147_483_647][at] ?? 17
    const event = pooled({ offset: 2 ** 33 + at, partition: at, messageAt: at, messageBytes, latency })
    if (at % 2 === 0)
      Object.assign(event, { userIdAt: 40 + at, userIdBytes: messageBytes, level: 'FATAL', service: 'ö' })
    logs.push(event.judged(at / 7, at % 3 === 0, at % 3 === 0 ? '{"top":"é"}' : null))
    logs.push({ ...event.judged(at / 7, false, null), source: at % 2 === 0 ? 'rules' : 'remote' })
  }
  assert.deepEqual(written(logs), written(logs.map(inStrings)))
})

test('escapes are decoded in the row, and metadata is what was sent', () => {
  const bytes = Buffer.from('"a\\n\\u00e9\\ud83d\\ude00 and so on, long enough for a call" {"k":"é"}')
  const end = bytes.lastIndexOf('"', bytes.indexOf('{') - 1)
  const escaped = pooled({ bytes, messageAt: 1, messageBytes: end - 1, messageForm: FORM.escaped })
  const logs = [escaped.judged(0.5, false, null)]
  assert.ok(written(logs).includes('a\né😀 and so on'))
  assert.deepEqual(written(logs), written(logs.map(inStrings)))
})

test('what a column can not hold is no row', () => {
  const failing: Partial<PooledLog>[] = [
    { offset: 2 ** 53 },
    { partition: 2 ** 31 },
    { latency: 2 ** 31 },
    { createdAt: epochMs(Number.NaN) },
  ]
  for (const of of failing) assert.throws(() => written([pooled(of).judged(0.5, false, null)]), RangeError)
  assert.throws(() => written([pooled({}).judged(Number.NaN, false, null)]), RangeError)
  assert.throws(() => standardRow(2 ** 31), RangeError)
})

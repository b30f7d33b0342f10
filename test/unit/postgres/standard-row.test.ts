import assert from 'node:assert/strict'
import { test } from 'node:test'
import { epochMs, type ScoredLog } from '../../../src/log.ts'
import { BinaryRows } from '../../../src/postgres/binary-rows.ts'
import { tableShape } from '../../../src/postgres/table-shape.ts'
import { logAt } from '../../support/ready-ranges.ts'

const TYPES = {
  service: 'text',
  level: 'text',
  message: 'text',
  latency_ms: 'int4',
  anomaly_score: 'float8',
  is_anomaly: 'bool',
  created_at: 'timestamptz',
  user_id: 'text',
  metadata: 'jsonb',
  ingest_topic_id: 'int4',
  kafka_partition: 'int4',
  kafka_offset: 'int8',
  item: 'int4',
  score_source: 'text',
  explanation: 'jsonb',
}

function written(types: Record<string, string>, logs: readonly ScoredLog[]): Buffer {
  const attributes = Object.entries(types).map(([name, type]) => ({ name, type, typmod: -1 }))
  const shape = tableShape(attributes, { topicId: 7, idSequence: null })
  assert.equal(shape.columns.length, 15)
  const rows = new BinaryRows(64)
  rows.start(1 << 20)
  for (const log of logs) shape.write(rows, log)
  return rows.finish()
}

test('the row written in one go has the bytes of the row written column by column', () => {
  const plain = logAt(5)
  const event = { ...plain.event, userId: null, metadata: '{"a":"é"}', latencyMs: 2.5, message: 'ö\0\ud800', item: 3 }
  const other = { ...event, latencyMs: null, userId: 'u', metadata: null, createdAt: epochMs(1_767_225_600_000.25) }
  const logs: ScoredLog[] = [
    plain,
    { ...plain, event, isAnomaly: true, explanation: '{"top":"latency"}' },
    { ...plain, event: other },
  ]
  // A column of another type with the same wire format: the general way.
  const general = written({ ...TYPES, created_at: 'timestamp' }, logs)
  assert.deepEqual(written(TYPES, logs), general)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchLog, USUAL_SHAPE } from '../../src/bench/logs.ts'
import { TEXTS } from '../../src/bench/texts.ts'
import { Random } from '../../src/demo/random.ts'
import { epochMs, type LogEvent, type ScoredLog } from '../../src/log.ts'
import { LogPool, PooledLog } from '../../src/log-pool.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import { BinaryRows } from '../../src/postgres/binary-rows.ts'
import { standardRow } from '../../src/postgres/standard-row.ts'
import { ModelScorer } from '../../src/scoring/model-scorer.ts'
import { rangeOf, rawRecord } from '../support/raw-records.ts'

const BATCH = 500
/** Of the first log's own time. */
const START_MS = Date.UTC(2026, 0, 5)
const random = new Random(7)
/** What nobody asked for, some of it in front of the rest and some behind, with blanks and without. */
function withExtras(log: Buffer, i: number): Buffer {
  const members = log.toString().slice(1, -1)
  return Buffer.from(
    `{"host":"node-${i % 50}",${members}, "status": ${200 + (i % 5)},"http":{"path":"/x","codes":[${i},2]}, "trace":"${'4b'.repeat(i % 40)}"}`,
  )
}
const values = Array.from({ length: 40 * BATCH }, (_, i) =>
  // Now and then one that is not usual, and one far slower than the rest.
  i % 97 === 0
    ? Buffer.from(JSON.stringify({ service: 'caté', level: 'ERROR', message: `naïve ${i} of 3`, extra: { i } }))
    : i % 5003 === 4_000
      ? Buffer.from(
          JSON.stringify({ service: 'catalog', level: 'FATAL', message: 'out of memory', latency_ms: 90_000.5 }),
        )
      : i % 3 === 0
        ? withExtras(benchLog(random, i), i)
        : benchLog(random, i, { ...USUAL_SHAPE, text: TEXTS[i % 16] }),
)
const batches = Array.from({ length: values.length / BATCH }, (_, batch) =>
  rangeOf(
    values
      .slice(batch * BATCH, (batch + 1) * BATCH)
      .map((value, i) =>
        rawRecord(value, { offset: batch * BATCH + i, timestamp: epochMs(START_MS + batch * BATCH + i) }),
      ),
  ),
)

const plain = ({ event, ...judgement }: ScoredLog) => ({ ...judgement, event: plainEvent(event) })
function plainEvent(event: LogEvent) {
  const { partition, offset, item, service, level, message, latencyMs, createdAt, recordTimestamp, userId, metadata } =
    event
  return { partition, offset, item, service, level, message, latencyMs, createdAt, recordTimestamp, userId, metadata }
}

function written(logs: readonly ScoredLog[]): Buffer {
  const rows = new BinaryRows(1 << 20)
  const write = standardRow(1)
  rows.start(1 << 20)
  for (const log of logs) write(rows, log)
  return Buffer.from(rows.finish())
}

test('logs from a pool are read, scored and stored as others are, while their objects are used again and again', async () => {
  const pool = new LogPool()
  const now = () => START_MS
  const [pooled, alone] = [
    createNormalizer(DEFAULT_NORMALIZE_LIMITS, now, pool),
    createNormalizer(DEFAULT_NORMALIZE_LIMITS, now),
  ]
  const [scorer, other] = [new ModelScorer({ servicesMax: 20 }), new ModelScorer({ servicesMax: 20 })]
  const objects = new Set<LogEvent>()
  let before: readonly ScoredLog[] = []
  let anomalies = 0
  for (const batch of batches) {
    const logs = scorer.judge(pooled(batch).events)
    const expected = other.judge(alone(batch).events)
    // Of two batches at a time, as in the service: the one before is being stored.
    pool.release(before)
    before = logs
    assert.deepEqual(logs.map(plain), expected.map(plain))
    assert.ok(written(logs).equals(written(expected)))
    for (const { event, isAnomaly } of logs) {
      if (event instanceof PooledLog) objects.add(event)
      if (isAnomaly) anomalies++
    }
  }
  assert.ok(objects.size > BATCH && objects.size <= 2 * BATCH, `${objects.size} objects`)
  assert.ok(anomalies > 0)
})

test('a log given back twice is handed out once, and holds on to no bytes meanwhile', async () => {
  const pool = new LogPool()
  const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => START_MS, pool)
  const [batch] = batches
  assert.ok(batch !== undefined)
  const { events } = normalize(batch)
  const logs = new ModelScorer({ servicesMax: 20 }).judge(events)
  pool.release(logs)
  for (const event of events) if (event instanceof PooledLog) assert.equal(event.bytes.length, 0)
  pool.release(logs)
  const taken = Array.from({ length: 2 * BATCH }, () => pool.take())
  assert.equal(new Set(taken).size, taken.length)
})

test('a log that another one took the place of is given back all the same', async () => {
  const pool = new LogPool()
  const log = pool.take()
  const judgement = log.judged(0.9, true, '{}')
  pool.release([{ ...judgement, isAnomaly: false, explanation: '{"muted":1}' }])
  assert.equal(pool.take(), log)
})

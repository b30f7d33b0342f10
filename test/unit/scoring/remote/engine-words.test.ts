import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  batchQuestion,
  readBatchAnswer,
  readSingleAnswer,
  singleQuestion,
} from '../../../../src/scoring/remote/engine-words.ts'
import { eventAt, STREAM_START_MS } from '../../../support/log-stream.ts'

test('a batch asks with what the model sees, a single log as the original processor did', () => {
  const event = eventAt(5, { level: 'FATAL', message: 'm'.repeat(5_000), latencyMs: null })
  assert.deepEqual(JSON.parse(batchQuestion([event])), {
    logs: [
      {
        service: 'gateway',
        level: 'FATAL',
        message: 'm'.repeat(1_024),
        latency_ms: null,
        timestamp: STREAM_START_MS + 5,
      },
    ],
  })
  assert.deepEqual(JSON.parse(singleQuestion(event)), {
    service: 'gateway',
    level: 'ERROR',
    message: 'm'.repeat(1_024),
    latency_ms: null,
  })
})

test('whatever the bytes, what is read is a sentence or one verdict in range a log', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({
      anomaly_score: fc.oneof(fc.double(), fc.jsonValue()),
      is_anomaly: fc.oneof(fc.boolean(), fc.jsonValue()),
    }),
  )
  const bytes = fc.oneof(
    fc.string(),
    value.map((each) => JSON.stringify(each)),
    fc.array(value, { maxLength: 4 }).map((results) => JSON.stringify({ results })),
  )
  fc.assert(
    fc.property(bytes, fc.nat(4), (text, count) => {
      const body = Buffer.from(text)
      const batch = readBatchAnswer(body, count)
      const verdicts = typeof batch === 'string' ? [] : batch
      if (typeof batch !== 'string') assert.equal(batch.length, count)
      for (const verdict of [...verdicts, readSingleAnswer(body)]) {
        if (verdict === null) continue
        assert.ok(verdict.score >= 0 && verdict.score <= 1)
        assert.equal(typeof verdict.isAnomaly, 'boolean')
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a sum that ends a hair above 1 is 1', () => {
  const verdict = readSingleAnswer(Buffer.from('{"anomaly_score":1.0000000000000002,"is_anomaly":true}'))
  assert.deepEqual(verdict, { score: 1, isAnomaly: true, explanation: null })
})

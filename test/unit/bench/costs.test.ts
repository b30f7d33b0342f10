import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type COSTS, withoutStatement } from '../../../src/bench/costs.ts'
import { aggregatesSql } from '../../../src/postgres/aggregates.ts'

const group = {
  service: 'a;\nb',
  minute: 1,
  partition: 0,
  total: 1,
  errors: 0,
  anomalies: 0,
  latencySum: 1,
  latencyCount: 1,
}
const text = [
  'copy logs ("service", "level") from stdin (format binary);',
  'insert into detector_snapshot (namespace) values (1);',
  aggregatesSql([group]),
  'select ingest_advance(1, 2);',
].join('\n')

test('a promise is left out by its whole statement, and nothing else goes with it', () => {
  const kept = (cost: (typeof COSTS)[number]): string[] =>
    ['copy logs', 'detector_snapshot', 'log_aggregates', 'on conflict', 'ingest_advance'].filter((words) =>
      withoutStatement(text, cost).includes(words),
    )
  assert.deepEqual(kept('exactly once'), ['copy logs', 'detector_snapshot', 'log_aggregates', 'on conflict'])
  assert.deepEqual(kept('aggregates'), ['copy logs', 'detector_snapshot', 'ingest_advance'])
  assert.deepEqual(kept('all three'), ['copy logs', 'detector_snapshot'])
  assert.equal(withoutStatement(text, 'explanation'), text)
  assert.equal(withoutStatement(text, 'dead letters'), text)
})

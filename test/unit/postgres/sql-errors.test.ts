import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classify, sqlStateOf } from '../../../src/postgres/sql-errors.ts'

const failure = (fields: object): Error => Object.assign(new Error('x'), fields)
const kindOf = (code: string, fields: object = {}): string => classify(failure({ code, ...fields })).kind

test('[P24] [P27] [F5] [F8] [F9] [F25] outages, restarts, deadlocks and cancelled statements are tried again', () => {
  for (const code of [
    '08006',
    '40001',
    '40P01',
    '53100',
    '53300',
    '55P03',
    '57014',
    '57P01',
    '57P03',
    '25006',
    '58030',
  ]) {
    assert.equal(kindOf(code), 'retry', code)
  }
})

test('errors of sockets are tried again, also EPIPE, which looks like an SQLSTATE', () => {
  for (const code of ['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND']) {
    assert.deepEqual(classify(failure({ code, errno: -32 })), { kind: 'retry', sqlstate: null }, code)
  }
  assert.equal(classify(new Error('Connection terminated unexpectedly')).kind, 'retry')
  assert.equal(sqlStateOf(failure({ code: 'EPIPE' })), null)
})

test('a row is refused only where the error names the line of COPY logs', () => {
  const where = 'COPY logs, line 37, column message'
  assert.deepEqual(classify(failure({ code: '22021', where })), { kind: 'poison', line: 37, sqlstate: '22021' })
  for (const code of ['23514', '23502', '54000']) assert.equal(kindOf(code, { where }), 'poison', code)
  assert.equal(kindOf('22021'), 'broken')
  assert.equal(kindOf('22021', { where: 'COPY ingest_dead_letter, line 1' }), 'broken')
  assert.equal(kindOf('23505', { where }), 'broken')
  assert.equal(kindOf('53100', { where }), 'retry')
})

test('[P31] [F26] what an operator has to mend is configuration, never a dead letter', () => {
  for (const code of ['42P01', '42501', '28P01', '3D000', '3F000', 'P0001']) {
    assert.equal(kindOf(code, { where: 'COPY logs, line 1' }), 'configuration', code)
  }
})

test("the fence's refusals carry where the ledger stands", () => {
  assert.deepEqual(classify(failure({ code: 'IH001', detail: '3' })), { kind: 'fenced', partition: 3 })
  assert.deepEqual(classify(failure({ code: 'IH002', detail: '3:700' })), {
    kind: 'stale',
    partition: 3,
    nextOffset: 700,
  })
})

test("the ledger's check and the encoder's refusals are bugs", () => {
  assert.equal(kindOf('23514'), 'broken')
  assert.equal(classify(new RangeError('not a finite number')).kind, 'broken')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NetworkError } from '@platformatic/kafka'
import { connectionError } from '../../../src/kafka/connection-errors.ts'

test('an address that nobody answers on is named once, with the cause', () => {
  const cause = new Error('connect ECONNREFUSED 127.0.0.1:1')
  const failed = new NetworkError('Connection to 127.0.0.1:1 failed.', { cause })
  const { code, message } = connectionError(failed, '127.0.0.1:1', null)
  assert.equal(code, 'KAFKA_UNAVAILABLE')
  assert.equal(message, '127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1')
})

test('where there is no cause, what the library says is told', () => {
  const failed = new NetworkError('Connection to 127.0.0.1:1 failed.')
  assert.equal(connectionError(failed, 'b:9092', null).message, 'b:9092: Connection to 127.0.0.1:1 failed.')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRetriable } from '../../../src/errors.ts'
import { coordinatorError, groupError } from '../../../src/kafka/group-errors.ts'

test('a coordinator that is being made, loads or moves is told apart from brokers that are away', () => {
  for (const code of [14, 15, 16]) assert.equal(coordinatorError('g', code).code, 'KAFKA_NO_COORDINATOR')
  for (const code of [15, 16]) assert.equal(groupError('JoinGroup', code).code, 'KAFKA_NO_COORDINATOR')
  for (const code of [-1, 7, 999]) {
    assert.equal(coordinatorError('g', code).code, 'KAFKA_UNAVAILABLE')
    assert.equal(groupError('JoinGroup', code).code, 'KAFKA_UNAVAILABLE')
  }
})

test('a coordinator that is missing is asked for again, and is named with its group and what Kafka said', () => {
  const error = coordinatorError('log-processors', 15)
  assert.equal(isRetriable(error), true)
  assert.equal(error.message, 'no coordinator for group log-processors: COORDINATOR_NOT_AVAILABLE (15)')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR_CODES, type ErrorCode, exitCodeOf, isRetriable, ProcessorError } from '../../src/errors.ts'

test('only what a restart cannot mend exits with 78, and nothing of that is tried again', () => {
  const final = (Object.keys(ERROR_CODES) as ErrorCode[]).filter(
    (code) => exitCodeOf(new ProcessorError(code, '')) === 78,
  )
  assert.deepEqual(final, ['CONFIG_INVALID', 'SCHEMA_INCOMPATIBLE'])
  assert.ok(final.every((code) => !isRetriable(new ProcessorError(code, ''))))
  assert.equal(exitCodeOf(new Error('anything')), 1)
})

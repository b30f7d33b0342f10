import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leftOut } from '../left-out.ts'

const whole = { onPath: () => true, hasNumpy: () => true }

test('with everything there and CI=true nothing is left out', () => {
  assert.deepEqual(leftOut({ ...whole, env: { CI: 'true', ANOMALY_DATA: '/data' } }), [])
})

test('each thing that is missing is a line, and only labelled data may be missing where that is said', () => {
  const bare = { onPath: () => false, hasNumpy: () => false }
  const lines = leftOut({ ...bare, env: {} })
  assert.deepEqual(
    lines.map(({ what }) => what.split(' (')[0]),
    [
      'real Kafka',
      'kcat as a client of the embedded broker',
      'TLS for Kafka and PostgreSQL',
      'scoring on labelled data',
      'thirty kinds of harm done to real parts',
    ],
  )
  assert.ok(lines.every(({ allowed }) => !allowed))
  const env = { CI: 'true', ANOMALY_DATA: '', TEST_WITHOUT_ANOMALY_DATA: 'true' }
  assert.deepEqual(
    leftOut({ ...whole, env }).map(({ allowed }) => allowed),
    [true],
  )
  assert.match(
    leftOut({ ...bare, env: { ANOMALY_DATA: '/data' } })
      .map(({ what }) => what)
      .join(),
    /numpy/,
  )
})

/** A quiet service as an alert that someone on call can read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alertOf } from '../../../src/anomaly/quiet-alert.ts'
import type { Quiet } from '../../../src/anomaly/quiet-watch.ts'

const SILENCE: Quiet = {
  kind: 'silence',
  sinceMs: 1_000_000,
  raisedAtMs: 1_040_000,
  untilMs: 1_050_000,
  closed: false,
  observed: 0,
  expected: 36.2345,
  seconds: 40,
  surprise: 9.0987,
}

const told = (changes: Partial<Quiet>) => alertOf({ partition: 3, service: 'cart', quiet: { ...SILENCE, ...changes } })
const why = (changes: Partial<Quiet>): string => JSON.parse(told(changes).explanation).why

test('an open alert names service, kind and since when, has no end, and is explained in three digits', () => {
  const { explanation, ...alert } = told({})
  assert.deepEqual(alert, {
    partition: 3,
    service: 'cart',
    kind: 'silence',
    sinceMs: 1_000_000,
    untilMs: null,
    raisedAtMs: 1_040_000,
    observed: 0,
    expected: 36.2,
  })
  assert.deepEqual(JSON.parse(explanation), {
    kind: 'silence',
    observed: 0,
    expected: 36.2,
    seconds: 40,
    surprise: 9.1,
    why: 'no logs for 40 s, usually about 36 a minute',
  })
})

test('a closed one ends when it ended, never before it began', () => {
  assert.equal(told({ closed: true }).untilMs, 1_050_000)
  assert.equal(told({ closed: true, untilMs: 900_000 }).untilMs, 1_000_000)
})

test('the sentence tells silence from a drop, open from over, seconds from minutes', () => {
  assert.equal(
    why({ kind: 'drop', observed: 12.4, seconds: 119 }),
    'about 12 logs a minute for 119 s, usually about 36 a minute',
  )
  assert.equal(why({ seconds: 120 }), 'no logs for 2 min, usually about 36 a minute')
  assert.equal(why({ closed: true, seconds: 310 }), 'silent for 5 min, usually about 36 a minute; over now')
  assert.equal(
    why({ kind: 'drop', closed: true }),
    'fewer logs than usual for 40 s, usually about 36 a minute; over now',
  )
  assert.equal(
    why({ kind: 'drop', observed: 0.4, expected: 4321 }),
    'less than 1 logs a minute for 40 s, usually about 4,321 a minute',
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CircuitBreaker } from '../../../../src/scoring/remote/circuit-breaker.ts'

function breakerAt(time: { ms: number }) {
  const moves: string[] = []
  const breaker = new CircuitBreaker({
    clock: () => time.ms,
    random: () => 0.5,
    moved: ({ state, pauseMs }) => void moves.push(state === 'open' ? `open ${pauseMs}` : state),
  })
  return { breaker, moves }
}

test('three failures in a row open it, or two that took the whole deadline; a success between starts anew', () => {
  const time = { ms: 0 }
  const { breaker, moves } = breakerAt(time)
  breaker.failed('x')
  breaker.failed('x')
  breaker.succeeded()
  breaker.failed('x')
  breaker.failed('x')
  assert.deepEqual([breaker.ask(), moves], ['yes', []])
  breaker.failed('the last one')
  assert.deepEqual([breaker.ask(), breaker.reason, moves], ['no', 'the last one', ['open 1000']])
  const late = breakerAt(time)
  late.breaker.failed('late', 2)
  assert.equal(late.breaker.ask(), 'yes')
  late.breaker.failed('late', 2)
  assert.equal(late.breaker.ask(), 'no')
})

test('half of the last calls failing opens it too, never three in a row', () => {
  const { breaker, moves } = breakerAt({ ms: 0 })
  for (let i = 0; i < 9; i++) {
    if (i % 2 === 0) breaker.failed('every other')
    else breaker.succeeded()
  }
  assert.deepEqual(moves, [])
  breaker.failed('every other')
  assert.deepEqual(moves, ['open 1000'])
})

test('after the pause one trial decides', () => {
  const time = { ms: 0 }
  const { breaker, moves } = breakerAt(time)
  breaker.failed('x', 3)
  time.ms = 999
  assert.equal(breaker.ask(), 'no')
  time.ms = 1000
  assert.equal(breaker.ask(), 'trial')
  assert.equal(breaker.ask(), 'no', 'while the trial is out')
  breaker.failed('x')
  time.ms = 2999
  assert.equal(breaker.ask(), 'no')
  time.ms = 3000
  assert.equal(breaker.ask(), 'trial')
  breaker.succeeded()
  assert.equal(breaker.ask(), 'yes')
  assert.deepEqual(moves, ['open 1000', 'half_open', 'open 2000', 'half_open', 'closed'])
})

test('an engine that comes and goes is tried ever more rarely, one that was well for a minute as at first', () => {
  const time = { ms: 0 }
  const { breaker, moves } = breakerAt(time)
  for (let turn = 0; turn < 8; turn++) {
    breaker.failed('x', 3)
    while (breaker.ask() !== 'trial') time.ms += 100
    breaker.succeeded()
    time.ms += 1_000
  }
  const pauses = moves.filter((move) => move.startsWith('open'))
  assert.deepEqual(
    pauses,
    [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000].map((ms) => `open ${ms}`),
  )
  time.ms += 60_000
  breaker.failed('x', 3)
  assert.equal(moves.at(-1), 'open 1000')
})

test('pauses differ by a fifth at most, so that workers do not try together', () => {
  const pauses: number[] = []
  for (const random of [0, 0.999]) {
    const moved = ({ pauseMs }: { pauseMs: number }): void => void pauses.push(Math.round(pauseMs))
    new CircuitBreaker({ clock: () => 0, random: () => random, moved }).failed('x', 3)
  }
  assert.deepEqual(pauses, [800, 1200])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onFirstSignal } from '../../../src/commands/stop-signals.ts'

test('one press that arrives twice is one request; a later second one is left to end the process', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const before = process.listenerCount('SIGINT')
  const heard: string[] = []
  const remove = onFirstSignal((signal) => heard.push(signal))
  process.emit('SIGINT', 'SIGINT')
  process.emit('SIGINT', 'SIGINT')
  process.emit('SIGTERM', 'SIGTERM')
  assert.deepEqual(heard, ['SIGINT'])
  assert.equal(process.listenerCount('SIGINT'), before + 1, 'still ours: a copy does not end the process')
  t.mock.timers.tick(500)
  assert.equal(process.listenerCount('SIGINT'), before, 'nobody listens: the next one ends the process')
  assert.equal(process.listenerCount('SIGTERM'), before)
  remove()
})

test('what has stopped at once still takes the copy for the same request', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const before = process.listenerCount('SIGINT')
  const remove = onFirstSignal(() => undefined)
  process.emit('SIGINT', 'SIGINT')
  remove()
  assert.equal(process.listenerCount('SIGINT'), before + 1)
  t.mock.timers.tick(500)
  assert.equal(process.listenerCount('SIGINT'), before)
})

test('what nobody signalled stops listening', () => {
  const before = process.listenerCount('SIGTERM')
  onFirstSignal(() => undefined)()
  assert.equal(process.listenerCount('SIGTERM'), before)
})

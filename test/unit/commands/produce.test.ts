import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sendAll } from '../../../src/commands/produce.ts'

const message = { value: Buffer.from('{}') }

test('a signal ends a sending that has no end, between two sends', async () => {
  const interrupted = new AbortController()
  function* endless() {
    for (;;) yield message
  }
  let received = 0
  const producer = {
    async send(_topic: string, messages: readonly unknown[]): Promise<void> {
      received += messages.length
      if (received === 3_000) interrupted.abort()
    },
  }
  const pace = { rate: undefined, clock: () => 0, signal: interrupted.signal }
  assert.equal(await sendAll({ producer, topic: 't' }, endless(), pace), 3_000)
  assert.equal(received, 3_000)
})

test('a signal ends the wait of a slow rate, and what was in hand is sent', async () => {
  const interrupted = new AbortController()
  let received = 0
  const producer = {
    async send(_topic: string, messages: readonly unknown[]): Promise<void> {
      received += messages.length
      setImmediate(() => interrupted.abort())
    },
  }
  // The second message is due after ten minutes.
  const pace = { rate: 1 / 600, clock: () => 0, signal: interrupted.signal }
  assert.equal(await sendAll({ producer, topic: 't' }, [message, message, message], pace), 2)
  assert.equal(received, 2)
})

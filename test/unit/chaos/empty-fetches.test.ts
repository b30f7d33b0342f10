import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EmptyFetches } from '../../chaos/empty-fetches.ts'

function request(apiKey: number, correlationId: number, body = 20): Buffer {
  const frame = Buffer.alloc(12 + body, 0xee)
  frame.writeInt32BE(frame.length - 4, 0)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt16BE(13, 6)
  frame.writeInt32BE(correlationId, 8)
  return frame
}

test('fetches are taken out and answered with nothing, in whatever pieces the requests come', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const [metadata, heartbeat] = [request(3, 7), request(12, 10, 0)]
  const sent = Buffer.concat([metadata, request(1, 8), request(1, 9, 300), heartbeat])
  for (const size of [1, 5, 40, sent.length]) {
    const answers: Buffer[] = []
    const fetches = new EmptyFetches((answer) => answers.push(answer))
    const passed: Buffer[] = []
    for (let at = 0; at < sent.length; at += size) passed.push(fetches.pass(sent.subarray(at, at + size)))
    assert.deepEqual(Buffer.concat(passed), Buffer.concat([metadata, heartbeat]))
    assert.equal(answers.length, 0, 'held back as a broker with nothing new does')
    context.mock.timers.tick(1_000)
    assert.deepEqual(
      answers.map((answer) => [answer.readInt32BE(0), answer.readInt32BE(4), answer.readInt16BE(13)]),
      [
        [17, 8, 0],
        [17, 9, 0],
      ],
    )
  }
})

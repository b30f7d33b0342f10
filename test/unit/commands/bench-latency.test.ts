import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sendSteadily } from '../../../src/commands/bench-latency.ts'
import type { Bench } from '../../../src/commands/bench-world.ts'

interface Message {
  readonly value: Buffer
}

/** What sending needs of a bench. */
function bench(send: (messages: readonly Message[]) => Promise<void>, signal = new AbortController().signal): Bench {
  const producer = { send: (_topic: string, messages: readonly Message[]) => send(messages) }
  return { producer, signal } as unknown as Bench
}

test('as many are sent as the rate makes of the ticks, however late the ticks come, each with its own time', async () => {
  const requests: (readonly Message[])[] = []
  const startedMs = Date.now()
  const { sent, sendMs } = await sendSteadily(
    bench(async (messages) => void requests.push(messages)),
    { topic: 't', rate: 1_050, more: (ms) => ms <= 200 },
  )
  assert.equal(sent, 210)
  assert.equal(requests.length, 20)
  assert.deepEqual(new Set(requests.map(({ length }) => length)), new Set([10, 11]))
  assert.equal(sendMs.length, 20)
  assert.deepEqual(
    sendMs,
    sendMs.toSorted((a, b) => a - b),
  )
  const times = requests.flat().map(({ value }) => Date.parse(JSON.parse(value.toString()).timestamp))
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  assert.ok((times[0] ?? 0) >= startedMs && (times.at(-1) ?? 0) <= Date.now())
})

test('a producer that does not answer is given 64 requests and no more, until it answers', async () => {
  const answers: (() => void)[] = []
  let most = 0
  let flying = 0
  const slow = async (): Promise<void> => {
    most = Math.max(most, ++flying)
    await new Promise<void>((resolve) => {
      answers.push(resolve)
      if (answers.length >= 64) answers.shift()?.()
      if (requestsLeft() === 0) for (const answer of answers) answer()
    })
    flying--
  }
  let started = 0
  const requestsLeft = (): number => 70 - ++started
  const { sent } = await sendSteadily(bench(slow), { topic: 't', rate: 100, more: (ms) => ms <= 700 })
  assert.equal(sent, 70)
  assert.equal(most, 64)
})

test('a request that fails, or an end that is asked for, ends the sending with its reason', async () => {
  const failing = bench(async () => Promise.reject(new Error('no broker')))
  await assert.rejects(sendSteadily(failing, { topic: 't', rate: 1_000, more: (ms) => ms <= 50 }), /no broker/)
  const sending = bench(async () => undefined, AbortSignal.abort(new Error('Ctrl-C')))
  await assert.rejects(sendSteadily(sending, { topic: 't', rate: 1_000, more: () => true }), /Ctrl-C/)
})

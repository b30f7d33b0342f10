import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Load } from '../../../src/proof/load.ts'

/** No time passes but by the clock that is looked at. */
const sleep = async (): Promise<void> => undefined

/** A producer of which every `nth` answer is an error. */
function kafka(nth: number) {
  const ends = [0, 0]
  let calls = 0
  return {
    ends,
    async sendTo(_topic: string, partition: number, messages: readonly unknown[]): Promise<number> {
      if (++calls % nth === 0) throw new Error('no broker answers')
      const first = ends[partition] ?? 0
      ends[partition] = first + messages.length
      return first
    },
  }
}

test('what was acknowledged is known by its number, what failed is not counted as sent', async () => {
  const producer = kafka(3)
  const stop = new AbortController()
  let nowMs = 0
  const stored = async () => null
  const clock = (): number => {
    nowMs += 100
    if (nowMs > 2_000) stop.abort()
    return nowMs
  }
  const load = new Load({ producer, topic: 't', partitions: 2, seed: 1, rate: 100, clock, sleep, stored })
  await load.run(stop.signal)
  assert.ok(load.failures > 0 && load.lastFailure === 'no broker answers')
  assert.equal(
    load.ackedCount,
    producer.ends.reduce((sum, end) => sum + end, 0),
  )
  assert.ok(load.ackedCount < load.sent)
  const acked = Array.from({ length: load.sent }, (_, number) => load.isAcked(number)).filter(Boolean).length
  assert.equal(acked, load.ackedCount)
  assert.deepEqual([...load.ends], producer.ends)
})

test('a machine that stores nothing is not sent ever more: it is waited for', async () => {
  const producer = kafka(Number.POSITIVE_INFINITY)
  const stop = new AbortController()
  let nowMs = 0
  let looks = 0
  const load = new Load({
    producer,
    topic: 't',
    partitions: 2,
    seed: 1,
    rate: 10,
    clock: () => (nowMs += 500),
    sleep,
    stored: async () => {
      if (++looks > 100 || load.heldBackMs > 0) stop.abort()
      // From the 40th look on, everything is stored.
      return new Map([0, 1].map((partition) => [partition, looks < 40 || looks > 42 ? 0 : 1e9]))
    },
  })
  const running = load.run(stop.signal)
  await running
  assert.ok(load.heldBackMs > 0)
  assert.ok(load.sent <= 10 * 25, `${load.sent} sent`)
})

/** Waiting: whoever waits is woken once, and what is over leaves nothing behind, however long the process lives. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { silentEvents } from '../../../src/events.ts'
import { Fetcher } from '../../../src/kafka/fetcher.ts'
import { LogConnection } from '../../../src/kafka/log-connection.ts'
import { Doorbell } from '../../../src/kafka/pacing.ts'
import { Positions } from '../../../src/kafka/positions.ts'
import { TopicLayout } from '../../../src/kafka/topic-layout.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeKafka } from '../../support/fake-kafka.ts'
import { FakeLedger } from '../../support/fake-ledger.ts'

test('a ring wakes everybody who waits, and nobody who comes later', async () => {
  const clock = new FakeClock()
  const bell = new Doorbell()
  const { signal } = new AbortController()
  const woken: string[] = []
  const wait = (name: string, ms: number): void => void bell.wait(ms, clock.time, signal).then(() => woken.push(name))
  wait('for ever', Number.POSITIVE_INFINITY)
  wait('for a while', 1_000)
  bell.ring()
  wait('later', Number.POSITIVE_INFINITY)
  await clock.advance(5_000)
  assert.deepEqual(woken, ['for ever', 'for a while'])
})

test('a wait ends with its time or with the signal, and with neither before', async () => {
  const clock = new FakeClock()
  const bell = new Doorbell()
  const stop = new AbortController()
  const woken: string[] = []
  void bell.wait(1_000, clock.time, stop.signal).then(() => woken.push('time'))
  void bell.wait(Number.POSITIVE_INFINITY, clock.time, stop.signal).then(() => woken.push('signal'))
  await clock.advance(999)
  assert.deepEqual(woken, [])
  await clock.advance(1)
  assert.deepEqual(woken, ['time'])
  stop.abort()
  await clock.settle()
  assert.deepEqual(woken, ['time', 'signal'])
  await bell.wait(Number.POSITIVE_INFINITY, clock.time, stop.signal)
})

test('waits that are over leave no listener on the signal of a whole life', async () => {
  const clock = new FakeClock()
  const bell = new Doorbell()
  const { signal } = new AbortController()
  const waits = Array.from({ length: 50 }, (_, index) => bell.wait(index < 25 ? 100 : 10_000, clock.time, signal))
  assert.equal(getEventListeners(signal, 'abort').length, 50)
  await clock.advance(200)
  assert.equal(getEventListeners(signal, 'abort').length, 25)
  bell.ring()
  await Promise.all(waits)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('the fetch loops forget every ring: a worker that runs for months does not grow', async () => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const clock = new FakeClock()
  const { time } = clock
  const transport = new FakeKafka(clock, 1)
  const bell = new Doorbell()
  const log = new LogConnection(transport)
  const options = {
    ...{ transport, ledger: new FakeLedger(), events: silentEvents(), time, topic: 'logs', groupId: 'group' },
    ...{
      turn: () => Promise.resolve(),
      detector: { restore: () => 0, drop: () => undefined },
      startPolicy: 'earliest' as const,
    },
    ...{ sessionTimeoutMs: 10_000, heartbeatIntervalMs: 3_000, rebalanceTimeoutMs: 30_000 },
    ...{ lanes: 1, rowsMax: 100, bytesMax: 1_000_000, intervalMs: 200, ageTargetMs: 60_000, bufferBytesMax: 1_000_000 },
    ...{ fetchMaxWaitMs: 500, fetchBytesMax: 100_000, fetchPartitionBytesMax: 100_000, plainBytesMax: 100_000 },
  }
  const layout = new TopicLayout({ topic: 'logs', log, bell, time })
  const fetcher = new Fetcher({
    ...{ options, positions: new Positions(1), layout, log, bell },
    ...{ topicId: () => '', mayFetch: () => true },
  })
  const stop = new AbortController()
  const run = fetcher.run(stop.signal)
  const ringOften = async (): Promise<number> => {
    for (let ring = 0; ring < 20_000; ring++) {
      bell.ring()
      await null
      await null
      await null
    }
    await clock.settle()
    collect()
    return process.memoryUsage().heapUsed
  }
  await ringOften()
  const before = await ringOften()
  const grown = (await ringOften()) - before
  stop.abort()
  await run
  // A race with a promise that outlives it kept more than 200 bytes of each ring.
  assert.ok(grown < 1_000_000, `${grown} bytes after 20,000 rings`)
})

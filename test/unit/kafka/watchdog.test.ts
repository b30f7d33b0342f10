import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentEvents } from '../../../src/events.ts'
import { Positions } from '../../../src/kafka/positions.ts'
import { Watchdog } from '../../../src/kafka/watchdog.ts'
import { FakeClock } from '../../support/fake-clock.ts'

test('[F14] when connections are replaced the partitions of the assignment that ended with them are let be', async () => {
  const { time, nowMs } = new FakeClock()
  const positions = new Positions(1)
  const fired: string[] = []
  const assign = (): void => {
    positions.assign([0, 1], nowMs)
    for (const position of positions.all) position.verified(nowMs, 0)
  }
  let laterMs = 0
  const watchdog = new Watchdog({
    positions,
    events: silentEvents({ watchdogFired: ({ partition, step }) => void fired.push(`${step} ${partition}`) }),
    time: { ...time, clock: () => nowMs + laterMs },
    paused: () => false,
    ends: async () => new Map(positions.partitions.map((each) => [each, 10])),
    reseek: () => undefined,
    // The life ends, and another one has begun when the connections are closed.
    recreate: async () => assign(),
    giveUp: (partition) => void fired.push(`gave up ${partition}`),
  })
  assign()
  for (laterMs = 40_000; laterMs <= 80_000; laterMs += 40_000) await watchdog.look()
  assert.deepEqual(fired, ['reseek 0', 'reseek 1', 'recreate 0'])
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventClock } from '../../../src/anomaly/event-clock.ts'
import { epochMs, type LogEvent } from '../../../src/log.ts'
import { eventAt } from '../../support/log-stream.ts'

const HOUR_MS = 3_600_000
const LAST_WEEK = Date.UTC(2026, 2, 2)
const TODAY = Date.UTC(2026, 2, 9)

function at(createdAt: number, recordTimestamp: number | null): LogEvent {
  return {
    ...eventAt(0),
    createdAt: epochMs(createdAt),
    recordTimestamp: recordTimestamp === null ? null : epochMs(recordTimestamp),
  }
}

function timeOf(clock: EventClock, log: LogEvent): number {
  clock.place(log)
  return clock.timeMs
}

/** Logs of last week, a second apart, read today within milliseconds. */
function backlog(clock: EventClock, logs: number, fromMs = LAST_WEEK): void {
  for (let i = 0; i < logs; i++) timeOf(clock, at(fromMs + i * 1000, TODAY + i))
}

describe('event clock', () => {
  it('follows the logs and lets none be more than five minutes late', () => {
    const clock = new EventClock()
    backlog(clock, 1_000)
    assert.equal(clock.watermarkMs, LAST_WEEK + 999_000)
    assert.equal(timeOf(clock, at(LAST_WEEK + 990_000, TODAY)), LAST_WEEK + 990_000)
    assert.equal(timeOf(clock, at(LAST_WEEK - HOUR_MS, TODAY)), LAST_WEEK + 999_000 - 300_000)
    assert.equal(clock.watermarkMs, LAST_WEEK + 999_000)
  })

  it('is not taken to today by the logs without a time among a backlog', () => {
    const clock = new EventClock()
    for (let i = 0; i < 100; i++) {
      backlog(clock, 10, LAST_WEEK + i * 10_000)
      const stray = TODAY + i
      assert.ok(timeOf(clock, at(stray, stray)) < LAST_WEEK + HOUR_MS)
    }
    assert.equal(clock.watermarkMs, LAST_WEEK + 999_000)
  })

  it('leaps when the records leap too: a topic that was silent for a night', () => {
    const clock = new EventClock()
    timeOf(clock, at(TODAY, TODAY))
    assert.equal(timeOf(clock, at(TODAY + 9 * HOUR_MS, TODAY + 9 * HOUR_MS + 5)), TODAY + 9 * HOUR_MS)
  })

  it('leaps when logs in a row ask for it: a backlog that skips a night', () => {
    const clock = new EventClock()
    backlog(clock, 100)
    backlog(clock, 8, LAST_WEEK + 9 * HOUR_MS)
    assert.equal(clock.watermarkMs, LAST_WEEK + 9 * HOUR_MS + 7_000)
  })

  it('goes back when it began with a stray', () => {
    const clock = new EventClock()
    timeOf(clock, at(TODAY, TODAY))
    backlog(clock, 100)
    assert.equal(clock.watermarkMs, LAST_WEEK + 99_000)
  })

  it('does not go back for a service that delivers an outage late', () => {
    const clock = new EventClock()
    for (let i = 0; i < 100; i++) timeOf(clock, at(TODAY + i * 1000, TODAY + i * 1000))
    const now = clock.watermarkMs
    for (let i = 0; i < 1_000; i++) timeOf(clock, at(TODAY - HOUR_MS + i * 1000, now))
    assert.equal(clock.watermarkMs, now)
  })

  it('takes no time from the future, and none at all without a record time', () => {
    const clock = new EventClock()
    timeOf(clock, at(TODAY, TODAY))
    timeOf(clock, at(TODAY + 1000 * HOUR_MS, TODAY + 1000))
    assert.equal(clock.watermarkMs, TODAY + 61_000)
    timeOf(clock, at(TODAY + 2 * HOUR_MS, null))
    assert.equal(clock.watermarkMs, TODAY + 61_000)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventClock } from '../../../src/anomaly/event-clock.ts'
import { epochMs } from '../../../src/log.ts'
import { recordTimes, type TimedRow } from '../../../src/postgres/record-times.ts'

const TODAY_MS = Date.parse('2026-02-01T00:00:00Z')
const HOUR_MS = 3_600_000

const row = (atMs: number, storedMs: number | null, partition: number | null = 0): TimedRow => ({
  kafka_partition: partition,
  at_ms: atMs,
  stored_ms: storedMs,
})

/** Where each row falls on the event clock of a detector. */
function placed(rows: readonly TimedRow[]): number[] {
  const clock = new EventClock()
  const times = recordTimes(rows)
  return rows.map(({ at_ms }, i) => {
    const event = { createdAt: epochMs(at_ms), recordTimestamp: epochMs(times[i] ?? Number.NaN) }
    clock.place({ ...event, partition: 0, offset: i, item: 0, service: 's', level: 'INFO', message: 'm', latencyMs: null, userId: null, metadata: null }) // biome-ignore format: one line
    return clock.timeMs
  })
}

test('a log without a time of its own, among old logs sent today, does not move the clock of those after it', () => {
  const old = Array.from({ length: 2_000 }, (_, i) => row(TODAY_MS - 48 * HOUR_MS + i * 1_000, TODAY_MS + i))
  const rows = old.map((each, i) => (i % 200 === 100 ? row(TODAY_MS + i - 20, TODAY_MS + i) : each))
  const times = placed(rows)
  rows.forEach(({ at_ms }, i) => {
    if (i % 200 !== 100) assert.equal(times[i], at_ms, `row ${i}`)
  })
})

test('rows as they are stored every day keep their times, nights and outages in between', () => {
  const steady = Array.from({ length: 100 }, (_, i) => row(TODAY_MS + i * 60_000, TODAY_MS + i * 60_000 + 50))
  const evening = row(TODAY_MS + 24 * HOUR_MS, TODAY_MS + 24 * HOUR_MS + 70)
  const rows = [...steady, evening]
  assert.deepEqual(
    placed(rows),
    rows.map(({ at_ms }) => at_ms),
  )
})

test('a backlog that was stored within a second keeps its times', () => {
  const rows = Array.from({ length: 600 }, (_, i) => row(TODAY_MS + i * 60_000, TODAY_MS + 10 * HOUR_MS + i))
  assert.deepEqual(
    placed(rows),
    rows.map(({ at_ms }) => at_ms),
  )
})

test('a record is never taken for older than its log, but where the log lies ahead of its storing', () => {
  const rows = [row(5_000, 9_000), row(8_000, 9_500), row(20_000, 10_000), row(3_000, 9_000, 1), row(4_000, null, null)]
  assert.deepEqual(recordTimes(rows), [9_000, 9_500, 10_000, 3_000, 4_000])
})

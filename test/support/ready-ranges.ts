/** Ranges as they reach the store: made of logs, with the record behind each. */
import { epochMs, type LogEvent, type RawRecord, type Reject, type ScoredLog } from '../../src/log.ts'
import type { PartitionRange, ReadyRange, ScoredRange, UnscoredRange } from '../../src/pipeline.ts'

export const MINUTE = epochMs(1_764_720_000_000)

export function logAt(offset: number, event: Partial<LogEvent> = {}, judged: Partial<ScoredLog> = {}): ScoredLog {
  return {
    event: {
      partition: 0,
      offset,
      item: 0,
      service: 'payment',
      level: 'INFO',
      message: `log ${offset}`,
      latencyMs: 12,
      createdAt: epochMs(MINUTE + offset),
      recordTimestamp: null,
      userId: null,
      metadata: null,
      ...event,
    },
    score: 0.25,
    isAnomaly: false,
    source: 'model',
    explanation: null,
    ...judged,
  }
}

export function recordAt(offset: number, value: string | null = '{}'): RawRecord {
  return { offset, timestamp: MINUTE, key: null, value: value === null ? null : Buffer.from(value), headers: null }
}

export function rejectAt(offset: number, reject: Partial<Reject> = {}): Reject {
  const record = recordAt(offset, 'not json')
  return {
    partition: 0,
    offset,
    item: -1,
    reason: 'bad_json',
    detail: 'no',
    service: null,
    sqlstate: null,
    record,
    ...reject,
  }
}

/** These logs as a scorer is given them: a range of partition 0, unless said. */
export function unscored(events: readonly LogEvent[], range: Partial<PartitionRange> = {}): UnscoredRange {
  return { range: readyRange({ from: 0, count: 0 }, { range: { to: events.length, ...range } }).range, events }
}

/** As a scorer answers, without alerts and snapshot unless given. */
export function scored(logs: readonly ScoredLog[], more: Partial<ScoredRange> = {}): ScoredRange {
  return { logs, alerts: [], snapshot: null, ...more }
}

/** A range of `count` logs from `from`; the parts given replace what follows from that. */
export function readyRange(
  at: { partition?: number; epoch?: number; from: number; count: number },
  parts: Partial<Omit<ReadyRange, 'range'>> & { range?: Partial<PartitionRange> } = {},
): ReadyRange {
  const { partition = 0, epoch = 1, from, count } = at
  const offsets = Array.from({ length: count }, (_, i) => from + i)
  const range: PartitionRange = {
    partition,
    assignment: 1,
    epoch,
    from,
    to: from + count,
    records: offsets.map((offset) => recordAt(offset)),
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store',
    ...parts.range,
  }
  const logs = offsets.map((offset) => logAt(offset, { partition }))
  return { logs, rejects: [], skips: {}, snapshot: null, alerts: [], ...parts, range }
}

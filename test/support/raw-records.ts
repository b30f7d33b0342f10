/** Records and ranges as the source hands them out, for tests. */
import { epochMs, type LogEvent, type RawRecord } from '../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS, type NormalizeLimits } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import type { NormalizedRange, PartitionRange } from '../../src/pipeline.ts'

/** 2026-01-01T00:00:00Z */
export const RECORD_TIME = 1_767_225_600_000

export function rawRecord(value: Buffer | string | null, changes: Partial<RawRecord> = {}): RawRecord {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return { offset: 0, timestamp: epochMs(RECORD_TIME), key: null, headers: null, value: bytes, ...changes }
}

export function rangeOf(records: readonly RawRecord[]): PartitionRange {
  const from = records[0]?.offset ?? 0
  const to = from + records.length
  return {
    partition: 3,
    assignment: 1,
    epoch: 1,
    from,
    to,
    records,
    holes: 0,
    gap: null,
    tail: null,
    purpose: 'store',
  }
}

/** Normalizes one value; processing time is a day after the record's. */
export function normalized(
  value: Buffer | string | null,
  options: { limits?: Partial<NormalizeLimits>; record?: Partial<RawRecord> } = {},
): NormalizedRange {
  const limits = { ...DEFAULT_NORMALIZE_LIMITS, ...options.limits }
  return createNormalizer(limits, () => RECORD_TIME + 86_400_000)(rangeOf([rawRecord(value, options.record)]))
}

/** The only log of a value that has exactly one, and its metadata parsed. */
export function onlyLog(
  value: Buffer | string,
  options: { limits?: Partial<NormalizeLimits>; record?: Partial<RawRecord> } = {},
): { event: LogEvent; metadata: Record<string, unknown> | null; coerced: readonly unknown[]; original: unknown } {
  const { events, rejects, skips } = normalized(value, options)
  const event = events[0]
  if (event === undefined || events.length > 1 || rejects.length > 0 || Object.keys(skips).length > 0) {
    throw new Error(`not one log: ${events.length} events, rejects ${rejects.map((each) => each.reason)}`)
  }
  const metadata: Record<string, unknown> | null = event.metadata === null ? null : JSON.parse(event.metadata)
  const coerced = metadata?.['_coerced']
  return { event, metadata, coerced: Array.isArray(coerced) ? coerced : [], original: metadata?.['_original'] }
}

/** The reason and item of the only dead letter. */
export function onlyReject(
  value: Buffer | string,
  options: { limits?: Partial<NormalizeLimits>; record?: Partial<RawRecord> } = {},
): string {
  const { events, rejects, skips } = normalized(value, options)
  if (events.length > 0 || rejects.length !== 1 || Object.keys(skips).length > 0) {
    throw new Error(`not one dead letter: ${events.length} events, ${rejects.length} dead letters`)
  }
  return `${rejects[0]?.reason} ${rejects[0]?.item}`
}

/** JSON of a clean log with some fields changed; undefined leaves one out. */
export function logJson(changes: Record<string, unknown> = {}): string {
  const timestamp = '2025-12-31T23:59:59.5Z'
  return JSON.stringify({ service: 'auth', level: 'INFO', message: 'in', latency_ms: 12.5, timestamp, ...changes })
}

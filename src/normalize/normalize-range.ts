/** The normalizer: consecutive records of one partition to logs, dead letters and skips. Each record has exactly one outcome. */
import type { EpochMs, RawRecord } from '../log.ts'
import type { LogPool } from '../log-pool.ts'
import { PackedRecord, PackedRecords } from '../packed-records.ts'
import type { NormalizedRange, PartitionRange } from '../pipeline.ts'
import type { NormalizeLimits } from './limits.ts'
import { FUTURE_TOLERANCE_MS } from './log-event.ts'
import { type Outcomes, RecordReader } from './record.ts'

/**
 * `now` in ms since 1970 is asked for records whose own time is missing or may lie in the future, and for nothing else: all that
 * is believable is a function of the bytes alone. With a `pool` most logs are taken from it, and are to be given back.
 */
export function createNormalizer(
  limits: NormalizeLimits,
  now: () => number,
  pool: LogPool | null = null,
): (range: PartitionRange) => NormalizedRange {
  const reader = new RecordReader(limits, pool)
  let believableUntil = Number.NEGATIVE_INFINITY
  /** The record's time, or null where it is -1 or lies in the future. */
  function believable(timestamp: EpochMs): EpochMs | null {
    if (!(timestamp > 0)) return null
    if (timestamp > believableUntil) believableUntil = now() + FUTURE_TOLERANCE_MS
    return timestamp > believableUntil ? null : timestamp
  }
  return (range) => {
    const outcomes: Outcomes = { events: [], rejects: [], skips: {} }
    reader.begin(outcomes)
    const place = { partition: range.partition, offset: 0, recordTimestamp: null as EpochMs | null, now }
    const read = (record: RawRecord): void => {
      place.offset = record.offset
      place.recordTimestamp = believable(record.timestamp)
      reader.read(record, place)
    }
    const { records } = range
    if (!(records instanceof PackedRecords)) for (const record of records) read(record)
    else {
      const record = new PackedRecord()
      for (let index = 0; index < records.length; index++) read(records.move(record, index))
    }
    reader.end()
    return outcomes
  }
}

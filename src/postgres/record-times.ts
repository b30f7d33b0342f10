/**
 * The time of each row's record, which the table does not keep, as far as it can be told: a record is as old when it is stored as
 * the one beside it. Of rows stored together the youngest says how long that was, since a record is no younger than its log. So a
 * log without a time of its own (it has its record's), among old logs that were sent today, is told from a stretch of silence.
 * What it is bad at: old logs sent today among which none has today's time are taken for old records. Pure.
 */
export interface TimedRow {
  readonly kafka_partition: number | null
  /** Event time, epoch ms. */
  readonly at_ms: number
  /** When it was stored, epoch ms; null for rows from before this service. */
  readonly stored_ms: number | null
}

/** Epoch ms, in the order of the rows, which are neighbours in their partitions; never before the row's own time unless that lies ahead of its storing. */
export function recordTimes(rows: readonly TimedRow[]): number[] {
  const delays = new Map<number | null, number>()
  for (const { kafka_partition: partition, at_ms, stored_ms } of rows) {
    if (stored_ms === null) continue
    delays.set(partition, Math.min(delays.get(partition) ?? Number.POSITIVE_INFINITY, Math.max(0, stored_ms - at_ms)))
  }
  return rows.map(({ kafka_partition: partition, at_ms, stored_ms }) =>
    stored_ms === null ? at_ms : stored_ms - (delays.get(partition) ?? 0),
  )
}

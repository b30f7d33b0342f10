/** How the ledger counts one range: every offset of it is exactly one of record, dead, skipped, hole or gap. */
import type { ScoredLog } from '../log.ts'
import type { ReadyRange } from '../pipeline.ts'

export interface Tally {
  /** Records that became at least one row. */
  readonly records: number
  /** Records of which nothing but dead letters is left. */
  readonly dead: number
  /** Dead letters beside rows of the same record. */
  readonly deadItems: number
  readonly skipped: number
  readonly holes: number
  readonly gaps: number
  readonly rows: number
}

export function tally({ range, logs, rejects, skips }: ReadyRange): Tally {
  const dead = new Set<number>()
  let deadItems = 0
  if (rejects.length > 0) {
    const stored = offsetsOf(logs)
    for (const { offset } of rejects) {
      if (stored.has(offset)) deadItems++
      else dead.add(offset)
    }
  }
  return {
    records: recordsOf(logs),
    dead: dead.size,
    deadItems,
    skipped: (skips.tombstone ?? 0) + (skips.empty ?? 0),
    holes: range.holes,
    gaps: range.gap === null ? 0 : range.gap.to - range.gap.from,
    rows: logs.length,
  }
}

/** Of the records that became at least one row. */
export function offsetsOf(logs: readonly ScoredLog[]): ReadonlySet<number> {
  return new Set(logs.map(({ event }) => event.offset))
}

/** Distinct offsets; the logs of one record stand together. */
function recordsOf(logs: readonly ScoredLog[]): number {
  let records = 0
  let last = -1
  for (const { event } of logs) {
    if (event.offset !== last) records++
    last = event.offset
  }
  return records
}

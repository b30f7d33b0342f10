/**
 * The line: what happens to a log, and the three contracts that it needs.
 *
 *   Source --RawBatch--> normalize --LogEvent[]--> Scorer --ScoredLog[]--> Store --CommitOutcome[]--> Source
 *
 * Exactly-once has one mechanism. A batch carries, for each of some partitions, one contiguous range of offsets [from, to).
 * The store writes all that follows from its ranges in one transaction that ends with the ledger's compare-and-set: `next_offset`
 * must still be `from`, the epoch still ours, and it becomes `to`. Whatever crashes, repeats or wakes up too late, that happens
 * once or not at all. Kafka's committed offsets are a hint for lag tools and never decide anything.
 */
import type { EpochMs, LogEvent, RawRecords, Reject, ScoredLog, SkipReason } from './log.ts'
import type { ServiceAlert } from './service-alert.ts'

/** The last record of a range as the ledger remembers it, to recognise a log that was truncated, recreated or swapped. */
export interface Tail {
  readonly leaderEpoch: number
  readonly offset: number
  readonly timestamp: EpochMs
  /** CRC32C over key and value. */
  readonly crc: number
}

/** Offsets lost before anyone could read them. */
export type Gap = {
  readonly from: number
  readonly to: number
  readonly reason: 'retention' | 'truncated' | 'operator'
}

/** Consecutive offsets [from, to) of one partition: records + holes + gaps account for every one of them. */
export interface PartitionRange {
  readonly partition: number
  /** The assignment this was fetched under; a range of an older assignment is ignored by the source. */
  readonly assignment: number
  /** The ledger epoch claimed for that assignment. */
  readonly epoch: number
  readonly from: number
  readonly to: number
  readonly records: RawRecords
  /** Offsets that never held a record we may see: control records, aborted transactions, compaction. Verified. */
  readonly holes: number
  readonly gap: Gap | null
  readonly tail: Tail | null
  /** `warm-up`: already stored before a restart, read again only so that the detector learns it. */
  readonly purpose: 'store' | 'warm-up'
}

/** At most one range a partition, each partition always in the same lane: the batches of a lane are stored one after the other. */
export type RawBatch = { readonly lane: number; readonly ranges: readonly PartitionRange[]; readonly bytes: number }

/** What became of one range, before scoring. */
export interface NormalizedRange {
  readonly events: readonly LogEvent[]
  readonly rejects: readonly Reject[]
  readonly skips: Readonly<Partial<Record<SkipReason, number>>>
}

export interface Snapshot {
  readonly partition: number
  /** Everything before this offset has been learned. */
  readonly atOffset: number
  readonly format: number
  /** Valid until the batch is stored; the scorer uses its memory again for the lane's batch after the next. */
  readonly state: Uint8Array
}

/** A range as the scorer is given it. */
export type UnscoredRange = { readonly range: PartitionRange } & Pick<NormalizedRange, 'events'>

/** What the scorer makes of a range: its logs in order; the alerts of its partition that opened or closed in it; the state after it, when that is due. */
export interface ScoredRange {
  readonly logs: readonly ScoredLog[]
  readonly alerts: readonly ServiceAlert[]
  readonly snapshot: Snapshot | null
}

/** One range, ready to be stored. */
export interface ReadyRange extends ScoredRange {
  readonly range: PartitionRange
  readonly rejects: readonly Reject[]
  readonly skips: NormalizedRange['skips']
}

/** Everything one batch changes in the database, in one transaction. */
export type ReadyBatch = { readonly lane: number; readonly ranges: readonly ReadyRange[] }

/** `duplicate`: our own earlier attempt had committed. `fenced`: another owner. `moved`: the ledger stands elsewhere. */
export type CommitOutcome = { readonly range: PartitionRange } & (
  | { readonly kind: 'committed'; readonly refused: readonly Reject[]; readonly logIds: readonly number[] | null }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'moved'; readonly nextOffset: number }
)

/** Records out of Kafka, in order within a partition, at most two batches of a lane under way, each cut after a turn of the event loop. Ends on the signal; throws when it cannot go on. */
export interface Source {
  batches(signal: AbortSignal): AsyncIterable<RawBatch>
  /** Told once for every batch that `batches` yielded, in the order of its lane. null: it can never be stored, and the line must end. */
  settled(batch: RawBatch, outcomes: readonly CommitOutcome[] | null): void
}

/**
 * Judges, then learns, in the order given. Never rejects: it falls back and says so in `source`. What it learns, alerts and snapshots
 * are of the moment of the call: while somebody else's judgement is waited for, the group may take a partition, and its memory, away.
 */
export interface Scorer {
  score(ranges: readonly UnscoredRange[], lane: number): Promise<readonly ScoredRange[]>
}

/** Stores a batch, retrying for ever what may be retried; one outcome a range. Rejects only when the process must stop. */
export interface Store {
  commit(batch: ReadyBatch): Promise<readonly CommitOutcome[]>
}

export interface Parts {
  readonly source: Source
  readonly normalize: (range: PartitionRange) => NormalizedRange
  readonly scorer: Scorer
  readonly store: Store
  readonly finished: (batch: ReadyBatch, outcomes: readonly CommitOutcome[], startedMs: number) => void
  readonly clock: () => number // monotonic, in ms
}

/** Until the signal aborts and the last batch is stored. Batches are scored while those before them commit, one in each lane. */
export async function run(parts: Parts, signal: AbortSignal): Promise<void> {
  const lanes = new Map<number, Promise<void>>()
  try {
    for await (const batch of parts.source.batches(signal)) {
      const startedMs = parts.clock()
      const ready = await prepare(batch, parts)
      const commit = (lanes.get(batch.lane) ?? Promise.resolve()).then(() => finish(batch, ready, parts, startedMs))
      lanes.set(batch.lane, commit)
      commit.catch(() => parts.source.settled(batch, null))
    }
  } finally {
    await Promise.allSettled(lanes.values()).then(() => Promise.all(lanes.values()))
  }
}

/** Bytes to scored logs. Scoring happens once per fetched record: a retried commit never teaches the model twice. */
async function prepare(batch: RawBatch, parts: Parts): Promise<ReadyBatch> {
  const normalized = batch.ranges.map((range) => ({ range, ...parts.normalize(range) }))
  const scored = await parts.scorer.score(normalized, batch.lane)
  const ranges = normalized.map(({ events: _, ...range }, at) => ({ ...range, ...scored[at]! }))
  return { lane: batch.lane, ranges }
}

/** One transaction, then the news of it. Warm-up ranges are not stored. */
async function finish(batch: RawBatch, ready: ReadyBatch, parts: Parts, startedMs: number): Promise<void> {
  const stored: ReadyBatch = { lane: ready.lane, ranges: ready.ranges.filter((each) => each.range.purpose === 'store') }
  const outcomes = stored.ranges.length === 0 ? [] : await parts.store.commit(stored)
  parts.source.settled(batch, outcomes)
  parts.finished(stored, outcomes, startedMs)
}

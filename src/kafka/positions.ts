/**
 * Where we stand in each partition that the group gave us: a pure state machine, no I/O, no timers.
 *
 *   claiming --claimed--> verifying --verified--> running --fenced--> fenced --a later heartbeat--> claiming
 *                             \--truncated--> suspended --time--> claiming        \--moved, reseek--> claiming
 *
 * Two tokens protect it from the past. `assignment` changes with everything that makes earlier fetches and batches
 * meaningless; whatever carries an older one is ignored. `expected` is the only offset that is accepted next: less is a
 * duplicate delivery, more is a suspected gap, which becomes a hole when a second fetch shows the same.
 *
 *   stored <= offsets handed out <= buffered < expected        all of it from the ledger on, nothing from Kafka's own commits
 */
import type { Claim } from '../ledger.ts'
import { PackedRecords } from '../packed-records.ts'
import type { Gap } from '../pipeline.ts'
import { type Cut, PartitionBuffer } from './partition-buffer.ts'
import type { RecordRange } from './record-range.ts'

export type PositionState =
  | { readonly kind: 'claiming'; readonly notBeforeMs: number; readonly attempt: number }
  | { readonly kind: 'verifying' }
  | { readonly kind: 'running' }
  | { readonly kind: 'fenced'; readonly sinceMs: number }
  /** About to be given back: what was handed out may still be settled. Nothing leads out of it, whatever was on its way. */
  | { readonly kind: 'closing' }
  | { readonly kind: 'suspended'; readonly untilMs: number; readonly reason: string }

export type Acceptance =
  | { readonly kind: 'stale' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'nothing' }
  /** `skipped`: a first answer had left these records out (a client's bug); they are here now. */
  | { readonly kind: 'accepted'; readonly skipped: { expected: number; found: number } | null }
  | { readonly kind: 'suspected'; readonly from: number; readonly to: number }
  | { readonly kind: 'hole'; readonly from: number; readonly to: number }

export class Position {
  readonly partition: number
  readonly buffer = new PartitionBuffer()
  state: PositionState = { kind: 'claiming', notBeforeMs: 0, attempt: 0 }
  assignment: number
  epoch = -1
  /** The first offset not in the database, as far as we know; -1 before the first claim. */
  stored = -1
  /** The only offset that may come next. */
  expected = -1
  /** The leader epoch of the record before it, as far as we know; -1 unknown. */
  tailEpoch = -1
  /** The leader epoch under which the log was found to be the one that was read; nothing is fetched under another. */
  trustedEpoch = -1
  /** Before this offset everything is in the database and read only for the detector. */
  warmUpEnd = -1
  /** Ranges handed out and not settled. */
  outstanding = 0
  /** End of the log for a consumer, as last heard; -1 unknown. */
  endOffset = -1
  progressAtMs: number
  /** Since when there was something to read that is not stored; 0 while there is nothing. */
  behindSinceMs = 0
  /** Times that another owner had raised the epoch since we last stored something. */
  fences = 0
  fetchNotBeforeMs = 0
  fetchFailures = 0
  /** How much to ask for: a batch that didn't fit is so large; 0 when all did. */
  fetchBytes = 0
  #suspicion: { readonly from: number; readonly to: number } | null = null

  readonly #nextAssignment: () => number

  constructor(partition: number, nextAssignment: () => number, nowMs: number) {
    this.partition = partition
    this.#nextAssignment = nextAssignment
    this.assignment = nextAssignment()
    this.progressAtMs = nowMs
  }

  /** Takes the claim; fetching begins at `from`, which lies before the ledger's offset while the detector warms up. */
  claimed(claim: Claim, from: number): void {
    this.epoch = claim.epoch
    this.stored = claim.nextOffset
    this.expected = Math.min(from, claim.nextOffset)
    this.warmUpEnd = claim.nextOffset
    this.tailEpoch = claim.tail?.leaderEpoch ?? -1
    this.state = { kind: 'verifying' }
  }

  verified(nowMs: number, leaderEpoch: number): void {
    this.trustedEpoch = leaderEpoch
    this.state = { kind: 'running' }
    this.progressAtMs = nowMs
  }

  close(): void {
    this.buffer.clear()
    this.state = { kind: 'closing' }
  }

  /** Everything fetched or handed out so far counts for nothing; claim again. What is being given back is not. */
  resync(notBeforeMs: number, attempt = 0): void {
    if (this.state.kind === 'closing') return
    this.#forget()
    this.state = { kind: 'claiming', notBeforeMs, attempt }
  }

  fence(nowMs: number): void {
    this.#forget()
    this.fences++
    this.state = { kind: 'fenced', sinceMs: nowMs }
  }

  suspend(untilMs: number, reason: string): void {
    if (this.state.kind === 'closing') return
    this.#forget()
    this.state = { kind: 'suspended', untilMs, reason }
  }

  accept(answer: { assignment: number; wanted: number; range: RecordRange; nowMs: number }): Acceptance {
    if (answer.assignment !== this.assignment || this.state.kind !== 'running') return { kind: 'stale' }
    if (answer.wanted !== this.expected) return { kind: 'duplicate' }
    const { range, nowMs } = answer
    const from = this.expected
    if (range.to > from) {
      const suspicion = this.#suspicion
      this.#advance({ to: range.to, records: range.records, nowMs, leaderEpoch: range.tail?.leaderEpoch ?? -1 })
      const first = range.records.at(0)?.offset ?? range.to
      return {
        kind: 'accepted',
        skipped: suspicion !== null && first < suspicion.to ? { expected: from, found: suspicion.to } : null,
      }
    }
    if (range.gapTo === null || range.gapTo <= from) return { kind: 'nothing' }
    const to = range.gapTo
    if (this.#suspicion?.from === from && this.#suspicion.to === to) {
      this.#advance({ to, records: PackedRecords.EMPTY, nowMs, leaderEpoch: range.tail?.leaderEpoch ?? -1 })
      return { kind: 'hole', from, to }
    }
    this.#suspicion = { from, to }
    return { kind: 'suspected', from, to }
  }

  /** Offsets up to `to` are gone for good. Returns what of it the ledger has to know; null when it was stored already. */
  lost(to: number, reason: Gap['reason'], nowMs: number): Gap | null {
    const from = Math.max(this.expected, Math.min(this.warmUpEnd, to))
    if (from > this.expected) this.expected = from
    if (to <= from || this.state.kind === 'closing') return null
    const gap: Gap = { from, to, reason }
    this.buffer.push({ from, to, records: PackedRecords.EMPTY, leaderEpoch: -1, gap, arrivedMs: nowMs })
    this.expected = to
    this.#suspicion = null
    this.progressAtMs = nowMs
    return gap
  }

  /** The next range, all of it warm-up or all of it to be stored. */
  take(limits: { rows: number; bytes: number }): { cut: Cut; purpose: 'store' | 'warm-up' } | null {
    const warming = this.nextOut < this.warmUpEnd
    const cut = this.buffer.take({ ...limits, before: warming ? this.warmUpEnd : Number.POSITIVE_INFINITY })
    return cut === null ? null : { cut, purpose: warming ? 'warm-up' : 'store' }
  }

  /** The database has everything before `to`. */
  settled(to: number, nowMs: number): void {
    this.stored = Math.max(this.stored, to)
    this.fences = 0
    this.progressAtMs = nowMs
  }

  /** The first offset not handed out yet. */
  get nextOut(): number {
    return this.buffer.from ?? this.expected
  }

  /** Nothing of it is on its way anywhere. */
  get quiet(): boolean {
    return this.buffer.empty && this.outstanding === 0
  }

  #advance(step: { to: number; records: PackedRecords; nowMs: number; leaderEpoch: number }): void {
    const { to, records, nowMs, leaderEpoch } = step
    this.buffer.push({ from: this.expected, to, records, gap: null, leaderEpoch, arrivedMs: nowMs })
    this.expected = to
    if (leaderEpoch >= 0) this.tailEpoch = leaderEpoch
    this.#suspicion = null
    this.progressAtMs = nowMs
    this.fetchFailures = 0
  }

  #forget(): void {
    this.assignment = this.#nextAssignment()
    this.buffer.clear()
    this.#suspicion = null
    this.outstanding = 0
    this.fetchNotBeforeMs = 0
  }
}

/** The positions of one assignment of the group, dealt out over the lanes of the store. */
export class Positions {
  readonly lanes: number
  #positions = new Map<number, Position>()
  #all: readonly Position[] = []
  #partitions: readonly number[] = []
  #inLane: readonly (readonly Position[])[] = []
  #assignments = 0

  constructor(lanes: number) {
    this.lanes = lanes
    this.clear()
  }

  /** Replaces everything. */
  assign(partitions: readonly number[], nowMs: number): void {
    const next = (): number => ++this.#assignments
    this.#partitions = [...new Set(partitions)].sort((a, b) => a - b)
    this.#all = this.#partitions.map((each) => new Position(each, next, nowMs))
    this.#inLane = Array.from({ length: this.lanes }, (_, lane) => this.#all.filter((_, i) => i % this.lanes === lane))
    this.#positions = new Map(this.#all.map((each) => [each.partition, each]))
  }

  clear(): void {
    this.assign([], 0)
  }

  get(partition: number): Position | undefined {
    return this.#positions.get(partition)
  }

  /** Whether it is still ours, under this assignment, and not about to be given back. */
  holds(position: Position, assignment: number | undefined): boolean {
    const { partition, state } = position
    return this.#positions.get(partition) === position && position.assignment === assignment && state.kind !== 'closing'
  }

  get all(): readonly Position[] {
    return this.#all
  }

  inLane(lane: number): readonly Position[] {
    return this.#inLane[lane] ?? []
  }

  get partitions(): readonly number[] {
    return this.#partitions
  }

  get buffered(): boolean {
    return this.#all.some(({ buffer }) => !buffer.empty)
  }

  get heldBytes(): number {
    let bytes = 0
    for (const { buffer } of this.#all) bytes += buffer.heldBytes
    return bytes
  }
}

/**
 * One partition of the simulated topic: real record batches for whoever fetches, and beside them the truth of every offset, which
 * outlives retention: what a reader of committed records must have made of it.
 */
import { type WrittenRecord, writeBatch } from '../support/record-batches.ts'

/** What one record has to become. */
export interface Effect {
  /** Messages of the rows, by item. */
  readonly rows: readonly { readonly item: number; readonly message: string }[]
  /** Rows among them that the database refuses, which become dead letters: their items. */
  readonly poison: readonly number[]
  /** Dead letters from reading it: -1 the whole record. */
  readonly letters: readonly number[]
  readonly skipped: boolean
  /** Where a log has no time of its own, it has the record's. */
  readonly recordMs?: number
}
export type Truth = Effect | 'hole'

export interface Produced {
  readonly value: Buffer | null
  readonly effect: Effect
}

interface StoredBatch {
  readonly base: number
  readonly last: number
  readonly bytes: Buffer
}

interface Transaction {
  readonly producerId: bigint
  readonly first: number
  readonly offsets: { offset: number; effect: Effect }[]
}

export class PartitionLog {
  batches: StoredBatch[] = []
  start = 0
  end = 0
  leader: number
  leaderEpoch: number
  /** What was lost in the last unclean election: where it began, and the truth until then. */
  former: { readonly at: number; readonly truth: readonly (Truth | undefined)[] } | null = null
  /** By offset. Offsets of a transaction under way are unknown until it ends. */
  readonly truth: (Truth | undefined)[] = []
  /** Woken when there may be more to read. */
  readonly waiters = new Set<() => void>()
  #epochs: { epoch: number; start: number }[] = []
  readonly #open = new Map<bigint, Transaction>()
  #aborted: { producerId: bigint; firstOffset: number; lastOffset: number }[] = []

  constructor(at: { leader: number; leaderEpoch: number }) {
    this.leader = at.leader
    this.leaderEpoch = at.leaderEpoch
    this.#epochs.push({ epoch: at.leaderEpoch, start: 0 })
  }

  /** Another leader, under a new epoch. */
  ledBy(leader: number): void {
    this.leader = leader
    this.leaderEpoch++
    this.#epochs.push({ epoch: this.leaderEpoch, start: this.end })
    this.wake()
  }

  /** Where an epoch ended: the first offset of the next one. */
  epochEnd(epoch: number): number {
    return this.#epochs.find((each) => each.epoch > epoch)?.start ?? this.end
  }

  /** Last stable offset: where a reader of committed records must stop. */
  get stable(): number {
    let stable = this.end
    for (const { first } of this.#open.values()) stable = Math.min(stable, first)
    return stable
  }

  /** One batch; `keep` tells which of its offsets compaction has left. */
  append(records: readonly Produced[], nowMs: number, keep: (index: number) => boolean = () => true): void {
    const written: WrittenRecord[] = []
    records.forEach(({ value, effect }, delta) => {
      const kept = keep(delta)
      if (kept) written.push({ delta, value })
      this.truth[this.end + delta] = kept ? { ...effect, recordMs: nowMs } : 'hole'
    })
    this.#write(written, records.length, nowMs, {})
  }

  /** Records of a transaction that is still open. */
  appendOpen(producerId: bigint, records: readonly Produced[], nowMs: number): void {
    const known = this.#open.get(producerId)
    const transaction = known ?? { producerId, first: this.end, offsets: [] }
    this.#open.set(producerId, transaction)
    for (const [delta, { effect }] of records.entries()) {
      transaction.offsets.push({ offset: this.end + delta, effect: { ...effect, recordMs: nowMs } })
    }
    const written = records.map(({ value }, delta) => ({ delta, value }))
    this.#write(written, records.length, nowMs, { producerId, transactional: true })
  }

  /** The marker that ends a transaction; nothing where none is open. */
  endTransaction(producerId: bigint, how: 'commit' | 'abort', nowMs: number): void {
    const transaction = this.#open.get(producerId)
    if (transaction === undefined) return
    this.#open.delete(producerId)
    for (const { offset, effect } of transaction.offsets) this.truth[offset] = how === 'commit' ? effect : 'hole'
    if (how === 'abort') this.#aborted.push({ producerId, firstOffset: transaction.first, lastOffset: this.end })
    this.truth[this.end] = 'hole'
    const key = Buffer.from([0, 0, 0, how === 'abort' ? 0 : 1])
    const marker = [{ delta: 0, key, value: Buffer.alloc(6) }]
    this.#write(marker, 1, nowMs, { producerId, transactional: true, control: true })
  }

  endAllTransactions(how: 'commit' | 'abort', nowMs: number): void {
    for (const producerId of [...this.#open.keys()]) this.endTransaction(producerId, how, nowMs)
  }

  /** Offsets that compaction took, whole batches. A later record is sure to follow. */
  compacted(count: number): void {
    for (let offset = this.end; offset < this.end + count; offset++) this.truth[offset] = 'hole'
    this.end += count
  }

  deleteBefore(offset: number): void {
    this.start = Math.max(this.start, Math.min(offset, this.stable))
    this.batches = this.batches.filter((batch) => batch.last >= this.start)
    this.#aborted = this.#aborted.filter((each) => each.lastOffset >= this.start)
  }

  /**
   * An unclean election: the new leader never had the batch around `offset` and what lies after it. False where a transaction is in
   * the way, and where no record would be lost first: nobody can tell a log that lost a marker only (docs/exactly-once.md). Once a log.
   */
  truncate(offset: number): boolean {
    const at = this.batches.find((batch) => batch.last >= offset)?.base ?? this.end
    if (at <= this.start || this.#open.size > 0 || this.#aborted.some((each) => each.lastOffset >= at)) return false
    if (typeof this.truth[at] !== 'object' || this.former !== null) return false
    this.former = { at, truth: [...this.truth] }
    this.batches = this.batches.filter((batch) => batch.base < at)
    this.truth.length = at
    this.end = at
    this.#epochs = this.#epochs.filter((each) => each.start < at)
    this.ledBy(this.leader)
    return true
  }

  /** What a fetch from `offset` answers: whole batches up to the last stable offset. */
  read(offset: number, maxBytes: number): { bytes: Buffer[]; aborted: { producerId: bigint; firstOffset: number }[] } {
    const { stable } = this
    const bytes: Buffer[] = []
    let length = 0
    let last = -1
    for (const batch of this.batches) {
      if (batch.last < offset) continue
      if (batch.base >= stable || (length > 0 && length + batch.bytes.length > maxBytes)) break
      bytes.push(batch.bytes)
      length += batch.bytes.length
      last = batch.last
    }
    const aborted = this.#aborted.filter((each) => each.lastOffset >= offset && each.firstOffset <= last)
    return { bytes, aborted }
  }

  wake(): void {
    for (const wake of [...this.waiters]) wake()
  }

  #write(
    records: readonly WrittenRecord[],
    count: number,
    nowMs: number,
    more: { producerId?: bigint; transactional?: boolean; control?: boolean },
  ): void {
    const baseOffset = this.end
    const { leaderEpoch } = this
    const bytes = writeBatch({
      baseOffset,
      records,
      lastOffsetDelta: count - 1,
      baseTimestamp: BigInt(nowMs),
      leaderEpoch,
      ...more,
    })
    this.batches.push({ base: baseOffset, last: baseOffset + count - 1, bytes })
    this.end += count
    this.wake()
  }
}

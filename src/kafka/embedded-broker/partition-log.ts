/** One partition: raw batches in memory, found by offset or by time. */
import { ERROR } from './error-codes.ts'
import { ProducerStates } from './producer-states.ts'
import { type ProducedBatch, parseBatches, place } from './stored-batch.ts'

/** There is one broker and it never changes its mind: the leader epoch is always this. */
export const LEADER_EPOCH = 0
/** How many dropped batches may wait at the front of the array before it is cut. */
const DROPPED_MAX = 1_024

interface StoredBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** Bytes of this partition ever stored before this batch. */
  readonly position: number
  /** Its place among all batches of the broker, for retention. */
  readonly order: number
  readonly bytes: Buffer
}
export interface Appended {
  readonly errorCode: number
  readonly baseOffset: number
}

export class PartitionLog {
  readonly #nextOrder: () => number
  readonly #producers = new ProducerStates()
  readonly #waiting = new Set<() => void>()
  #batches: StoredBatch[] = []
  /** Index of the first batch that is still kept. */
  #head = 0
  #startOffset = 0
  #endOffset = 0
  #endPosition = 0
  #startPosition = 0

  constructor(nextOrder: () => number) {
    this.#nextOrder = nextOrder
  }

  get startOffset(): number {
    return this.#startOffset
  }
  /** The next offset to be given; also the high watermark and the last stable offset. */
  get endOffset(): number {
    return this.#endOffset
  }
  get bytes(): number {
    return this.#endPosition - this.#startPosition
  }
  get batches(): number {
    return this.#batches.length - this.#head
  }
  /** The place of its oldest batch among all of the broker; infinite for an empty log. */
  get oldestOrder(): number {
    return this.#batches[this.#head]?.order ?? Number.POSITIVE_INFINITY
  }

  /** Takes ownership of the bytes: offsets are patched into them. All batches are stored, or none. */
  append(bytes: Buffer): Appended {
    const parsed = parseBatches(bytes)
    if (typeof parsed === 'number') return { errorCode: parsed, baseOffset: -1 }
    let baseOffset = -1
    for (const batch of parsed) {
      const judgement = this.#producers.judge(batch)
      if (judgement.kind === 'refuse') return { errorCode: judgement.errorCode, baseOffset: -1 }
      const at = judgement.kind === 'duplicate' ? judgement.baseOffset : this.#store(batch)
      if (baseOffset === -1) baseOffset = at
    }
    this.wake()
    return { errorCode: ERROR.NONE, baseOffset }
  }

  /** Whole batches from the one that holds `offset`, within `bytesMax`; the first may be larger where `oneAtLeast`. */
  read(offset: number, bytesMax: number, oneAtLeast: boolean): readonly Buffer[] {
    const found: Buffer[] = []
    let room = bytesMax
    for (let index = this.#indexOf(offset); index < this.#batches.length; index += 1) {
      const bytes = this.#batches[index]!.bytes
      if (bytes.length > room && !(oneAtLeast && found.length === 0)) break
      found.push(bytes)
      room -= bytes.length
    }
    return found
  }

  /** How many bytes a read from `offset` could give. */
  bytesFrom(offset: number): number {
    const batch = this.#batches[this.#indexOf(offset)]
    return batch === undefined ? 0 : this.#endPosition - batch.position
  }

  /** The first batch that holds a time at or after `timestamp`: exact to a batch, never too late. */
  findTime(timestamp: number): { readonly offset: number; readonly timestamp: number } | null {
    for (let index = this.#head; index < this.#batches.length; index += 1) {
      const batch = this.#batches[index]!
      if (batch.maxTimestamp < timestamp) continue
      const found = batch.baseTimestamp >= timestamp ? batch.baseTimestamp : batch.maxTimestamp
      return { offset: Math.max(batch.baseOffset, this.#startOffset), timestamp: found }
    }
    return null
  }

  findLatestTime(): { readonly offset: number; readonly timestamp: number } | null {
    let latest: StoredBatch | null = null
    for (let index = this.#head; index < this.#batches.length; index += 1) {
      const batch = this.#batches[index]!
      if (latest === null || batch.maxTimestamp > latest.maxTimestamp) latest = batch
    }
    return latest === null ? null : { offset: latest.lastOffset, timestamp: latest.maxTimestamp }
  }

  dropOldest(): void {
    const oldest = this.#batches[this.#head]
    if (oldest !== undefined) this.deleteBefore(oldest.lastOffset + 1)
  }

  /** Moves the log's start to `offset`, which may lie inside a batch: that batch stays whole. False when it is out of range. */
  deleteBefore(offset: number): boolean {
    if (offset < 0 || offset > this.#endOffset) return false
    this.#startOffset = Math.max(this.#startOffset, offset)
    const keep = this.#indexOf(this.#startOffset)
    this.#startPosition = this.#batches[keep]?.position ?? this.#endPosition
    this.#batches.fill(DROPPED, this.#head, keep)
    this.#head = keep
    if (this.#head > DROPPED_MAX && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
    return true
  }

  /** Calls back on every append until the returned function is called. */
  onAppend(callback: () => void): () => void {
    this.#waiting.add(callback)
    return () => this.#waiting.delete(callback)
  }
  /** Also when the topic is deleted: its readers look again and find out. */
  wake(): void {
    for (const callback of this.#waiting) callback()
  }

  #store(batch: ProducedBatch): number {
    const baseOffset = this.#endOffset
    place(batch.bytes, baseOffset, LEADER_EPOCH)
    this.#batches.push({
      baseOffset,
      lastOffset: baseOffset + batch.records - 1,
      baseTimestamp: batch.baseTimestamp,
      maxTimestamp: batch.maxTimestamp,
      position: this.#endPosition,
      order: this.#nextOrder(),
      bytes: batch.bytes,
    })
    this.#endOffset += batch.records
    this.#endPosition += batch.bytes.length
    this.#producers.appended(batch, baseOffset)
    return baseOffset
  }

  /** Index of the first kept batch that ends at or after `offset`. */
  #indexOf(offset: number): number {
    let low = this.#head
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#batches[middle]!.lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Stands in the array for a batch that is gone, so that its bytes are free. */
const DROPPED: StoredBatch = {
  baseOffset: -1,
  lastOffset: -1,
  baseTimestamp: -1,
  maxTimestamp: -1,
  position: 0,
  order: 0,
  bytes: Buffer.alloc(0),
}

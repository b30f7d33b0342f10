/** What was fetched of one partition and not handed out yet: consecutive chunks, cut into ranges without copying a byte. */
import type { RawRecord } from '../log.ts'
import { PackedRecords } from '../packed-records.ts'
import type { Gap } from '../pipeline.ts'

/** Consecutive offsets [from, to) with the records among them. A chunk that is a gap holds no records. */
export interface Chunk {
  readonly from: number
  readonly to: number
  readonly records: PackedRecords
  /** The epoch under which the last of them was written; -1 unknown. */
  readonly leaderEpoch: number
  readonly gap: Gap | null
  readonly arrivedMs: number
}

export interface Cut {
  readonly from: number
  readonly to: number
  readonly records: PackedRecords
  readonly gap: Gap | null
  readonly leaderEpoch: number
  /** Bytes of keys, values and headers. */
  readonly bytes: number
}

/** What a record costs beside its bytes: its place in the columns. */
const RECORD_OVERHEAD_BYTES = 48

/** The memory that some records hold. */
export function heldBytes(cut: Pick<Cut, 'bytes' | 'records'>): number {
  return cut.bytes + cut.records.length * RECORD_OVERHEAD_BYTES
}

export class PartitionBuffer {
  #chunks: Chunk[] = []
  /** Records of the first chunk that were cut off already. */
  #cursor = 0
  #from = 0
  #rows = 0
  #bytes = 0

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#bytes
  }

  get heldBytes(): number {
    return this.#bytes + this.#rows * RECORD_OVERHEAD_BYTES
  }

  /** The first offset buffered; null when there is none. */
  get from(): number | null {
    return this.#chunks.length === 0 ? null : this.#from
  }

  get empty(): boolean {
    return this.#chunks.length === 0
  }

  /** When the oldest chunk arrived; Infinity when there is none. */
  get oldestMs(): number {
    return this.#chunks[0]?.arrivedMs ?? Number.POSITIVE_INFINITY
  }

  get oldestRecord(): RawRecord | null {
    return this.#chunks[0]?.records.at(this.#cursor) ?? null
  }

  push(chunk: Chunk): void {
    if (this.#chunks.length === 0) this.#from = chunk.from
    this.#chunks.push(chunk)
    this.#rows += chunk.records.length
    for (let index = 0; index < chunk.records.length; index++) this.#bytes += chunk.records.bytesAt(index)
  }

  clear(): void {
    this.#chunks = []
    this.#cursor = 0
    this.#rows = 0
    this.#bytes = 0
  }

  /**
   * Takes consecutive offsets, at least one record if there is one: up to `rows` records and about `bytes` bytes, none at or
   * after `before`. A gap comes alone, and a cut ends where offsets are missing: retention took them while stored records were read
   * again. Null when nothing is buffered.
   */
  take(limits: { rows: number; bytes: number; before: number }): Cut | null {
    const first = this.#chunks[0]
    if (first === undefined) return null
    const from = this.#from
    if (first.gap !== null) {
      this.#drop()
      return { from, to: first.to, records: PackedRecords.EMPTY, gap: first.gap, leaderEpoch: -1, bytes: 0 }
    }
    const pieces: PackedRecords[] = []
    let rows = 0
    let bytes = 0
    let to = from
    let leaderEpoch = -1
    while (rows < limits.rows && (rows === 0 || bytes < limits.bytes) && to < limits.before) {
      const chunk = this.#chunks[0]
      if (chunk === undefined || chunk.gap !== null || chunk.from > to) break
      const start = this.#cursor
      let end = start
      for (; end < chunk.records.length; end++) {
        if (rows >= limits.rows || (rows > 0 && bytes >= limits.bytes)) break
        if (chunk.records.offsetAt(end) >= limits.before) break
        rows++
        bytes += chunk.records.bytesAt(end)
      }
      if (end > start) leaderEpoch = chunk.leaderEpoch
      if (end > start) pieces.push(chunk.records.slice(start, end))
      const read = end === chunk.records.length
      to = Math.min(read ? chunk.to : chunk.records.offsetAt(end), limits.before)
      this.#cursor = end
      this.#from = to
      if (read && to === chunk.to) this.#drop()
    }
    this.#rows -= rows
    this.#bytes -= bytes
    return { from, to, records: PackedRecords.concat(pieces), gap: null, leaderEpoch, bytes }
  }

  #drop(): void {
    const chunk = this.#chunks.shift()
    this.#cursor = 0
    this.#from = this.#chunks[0]?.from ?? chunk?.to ?? 0
  }
}

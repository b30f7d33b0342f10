/**
 * Records where they lie, among others in the bytes they came in: columns of numbers instead of objects, because a partition's
 * backlog waits here, and what waits long costs the garbage collector most. Nothing is copied, and no Buffer is made before
 * somebody asks.
 */
import { type EpochMs, epochMs, type RawRecord, type RawRecords } from './log.ts'

/** Where the parts of a record lie; -1 bytes: null. */
export interface RecordParts {
  readonly keyAt: number
  readonly keyBytes: number
  readonly valueAt: number
  readonly valueBytes: number
  readonly headersAt: number
  readonly headersBytes: number
}

const NO_BYTES = Buffer.alloc(0)

/** One record; or each of many in turn, where the same object is moved along: `copy` is then what may be kept. */
export class PackedRecord implements RawRecord, RecordParts {
  /** The content of its record batch: others lie there too. */
  bytes: Buffer = NO_BYTES
  offset = 0
  timestamp: EpochMs = epochMs(0)
  keyAt = 0
  keyBytes = -1
  valueAt = 0
  valueBytes = -1
  headersAt = 0
  headersBytes = -1

  get key(): Buffer | null {
    return this.#view(this.keyAt, this.keyBytes)
  }

  get value(): Buffer | null {
    return this.#view(this.valueAt, this.valueBytes)
  }

  get headers(): Buffer | null {
    return this.#view(this.headersAt, this.headersBytes)
  }

  copy(): PackedRecord {
    return Object.assign(new PackedRecord(), this)
  }

  #view(at: number, length: number): Buffer | null {
    return length < 0 ? null : this.bytes.subarray(at, at + length)
  }
}

/** Bytes of key, value and headers together. */
export function recordBytes(record: RawRecord): number {
  if (record instanceof PackedRecord) {
    return Math.max(0, record.keyBytes) + Math.max(0, record.valueBytes) + Math.max(0, record.headersBytes)
  }
  return (record.value?.length ?? 0) + (record.key?.length ?? 0) + (record.headers?.length ?? 0)
}

/** What one record takes of `#places`: its batch, then its parts as in RecordParts. */
const PLACES = 7

/** Grows by `begin` and `push`; whoever else holds it reads. */
export class PackedRecords implements RawRecords {
  static readonly EMPTY: PackedRecords = new PackedRecords()
  length = 0
  readonly #batches: Buffer[] = []
  #offsets = new Float64Array(0)
  #timestamps = new Float64Array(0)
  #places = new Int32Array(0)

  /** Packs records that lie anywhere. */
  static of(records: Iterable<RawRecord>): PackedRecords {
    const packed = new PackedRecords()
    for (const record of records) {
      const { key, value, headers } = record
      packed.begin(Buffer.concat([key ?? NO_BYTES, value ?? NO_BYTES, headers ?? NO_BYTES]), 1)
      const [keyBytes, valueBytes] = [key?.length ?? -1, value?.length ?? -1]
      const valueAt = Math.max(0, keyBytes)
      const headersAt = valueAt + Math.max(0, valueBytes)
      const parts = { keyAt: 0, keyBytes, valueAt, valueBytes, headersAt, headersBytes: headers?.length ?? -1 }
      packed.push(record.offset, record.timestamp, parts)
    }
    return packed
  }

  static concat(parts: readonly PackedRecords[]): PackedRecords {
    if (parts.length === 1) return parts[0]!
    const whole = new PackedRecords()
    whole.#reserve(parts.reduce((sum, { length }) => sum + length, 0))
    for (const part of parts) whole.#append(part)
    return whole
  }

  /** What follows lies in these bytes: at most `count` records. */
  begin(bytes: Buffer, count: number): void {
    this.#batches.push(bytes)
    this.#reserve(this.length + count)
  }

  push(offset: number, timestamp: EpochMs, parts: RecordParts): void {
    const index = this.length
    if (index === this.#offsets.length) this.#reserve(index + 1)
    this.#offsets[index] = offset
    this.#timestamps[index] = timestamp
    const places = this.#places
    let at = index * PLACES
    places[at++] = this.#batches.length - 1
    places[at++] = parts.keyAt
    places[at++] = parts.keyBytes
    places[at++] = parts.valueAt
    places[at++] = parts.valueBytes
    places[at++] = parts.headersAt
    places[at] = parts.headersBytes
    this.length = index + 1
  }

  /** Forgets the records from this one on. */
  cut(length: number): void {
    this.length = Math.min(this.length, length)
  }

  /** Negative: from the end. */
  at(index: number): PackedRecord | undefined {
    const place = index < 0 ? this.length + index : index
    return place >= 0 && place < this.length ? this.move(new PackedRecord(), place) : undefined
  }

  offsetAt(index: number): number {
    return this.#offsets[index]!
  }

  /** Of key, value and headers. */
  bytesAt(index: number): number {
    const at = index * PLACES
    const places = this.#places
    return Math.max(0, places[at + 2]!) + Math.max(0, places[at + 4]!) + Math.max(0, places[at + 6]!)
  }

  /** Makes the object the record at `index`. */
  move(record: PackedRecord, index: number): PackedRecord {
    const places = this.#places
    let at = index * PLACES
    record.offset = this.#offsets[index]!
    record.timestamp = epochMs(this.#timestamps[index]!)
    record.bytes = this.#batches[places[at++]!]!
    record.keyAt = places[at++]!
    record.keyBytes = places[at++]!
    record.valueAt = places[at++]!
    record.valueBytes = places[at++]!
    record.headersAt = places[at++]!
    record.headersBytes = places[at]!
    return record
  }

  slice(from: number, to: number): PackedRecords {
    if (from === 0 && to === this.length) return this
    const part = new PackedRecords()
    if (to <= from) return part
    const places = this.#places.slice(from * PLACES, to * PLACES)
    const [first, last] = [places[0]!, places[places.length - PLACES]!]
    for (let at = 0; at < places.length; at += PLACES) places[at] = places[at]! - first
    part.#batches.push(...this.#batches.slice(first, last + 1))
    part.#offsets = this.#offsets.slice(from, to)
    part.#timestamps = this.#timestamps.slice(from, to)
    part.#places = places
    part.length = to - from
    return part
  }

  *[Symbol.iterator](): Generator<PackedRecord, undefined> {
    for (let index = 0; index < this.length; index++) yield this.move(new PackedRecord(), index)
  }

  #append(part: PackedRecords): void {
    const { length } = part
    const [start, batch] = [this.length, this.#batches.length]
    this.#batches.push(...part.#batches)
    this.#offsets.set(part.#offsets.subarray(0, length), start)
    this.#timestamps.set(part.#timestamps.subarray(0, length), start)
    this.#places.set(part.#places.subarray(0, length * PLACES), start * PLACES)
    const end = (start + length) * PLACES
    for (let at = start * PLACES; at < end; at += PLACES) this.#places[at] = this.#places[at]! + batch
    this.length = start + length
  }

  #reserve(count: number): void {
    const held = this.#offsets.length
    if (count <= held) return
    const room = Math.max(count, Math.min(2 * held, held + 4096))
    const [offsets, timestamps, places] = [this.#offsets, this.#timestamps, this.#places]
    this.#offsets = new Float64Array(room)
    this.#offsets.set(offsets)
    this.#timestamps = new Float64Array(room)
    this.#timestamps.set(timestamps)
    this.#places = new Int32Array(room * PLACES)
    this.#places.set(places)
  }
}

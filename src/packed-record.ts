/** A record where it lies, among others in the bytes it came in: nothing is copied, and no Buffer is made before somebody asks. */
import type { EpochMs, RawRecord } from './log.ts'

/** Where the parts of a record lie; -1 bytes: null. */
export interface RecordParts {
  readonly keyAt: number
  readonly keyBytes: number
  readonly valueAt: number
  readonly valueBytes: number
  readonly headersAt: number
  readonly headersBytes: number
}

export class PackedRecord implements RawRecord, RecordParts {
  /** The content of its record batch: others lie there too. */
  readonly bytes: Buffer
  readonly offset: number
  readonly timestamp: EpochMs
  readonly keyAt: number
  readonly keyBytes: number
  readonly valueAt: number
  readonly valueBytes: number
  readonly headersAt: number
  readonly headersBytes: number

  constructor(bytes: Buffer, offset: number, timestamp: EpochMs, parts: RecordParts) {
    this.bytes = bytes
    this.offset = offset
    this.timestamp = timestamp
    this.keyAt = parts.keyAt
    this.keyBytes = parts.keyBytes
    this.valueAt = parts.valueAt
    this.valueBytes = parts.valueBytes
    this.headersAt = parts.headersAt
    this.headersBytes = parts.headersBytes
  }

  get key(): Buffer | null {
    return this.#view(this.keyAt, this.keyBytes)
  }

  get value(): Buffer | null {
    return this.#view(this.valueAt, this.valueBytes)
  }

  get headers(): Buffer | null {
    return this.#view(this.headersAt, this.headersBytes)
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

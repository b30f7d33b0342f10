/** A record where it lies, among others in the bytes it came in: nothing is copied, and no Buffer is made before somebody asks. */
import type { EpochMs, RawRecord } from './log.ts'

/** Beyond this one text for all records would cost more memory than it saves work. */
const TEXT_BYTES_MAX = 1_048_576

/** Bytes that many records share: the content of one record batch. */
export class SharedBytes {
  readonly bytes: Buffer
  #text: string | null = null

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** All of it, one character a byte, made once; null where it is too long for that. */
  get text(): string | null {
    if (this.#text === null && this.bytes.length <= TEXT_BYTES_MAX) this.#text = this.bytes.toString('latin1')
    return this.#text
  }
}

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
  readonly shared: SharedBytes
  readonly offset: number
  readonly timestamp: EpochMs
  readonly keyAt: number
  readonly keyBytes: number
  readonly valueAt: number
  readonly valueBytes: number
  readonly headersAt: number
  readonly headersBytes: number

  constructor(shared: SharedBytes, offset: number, timestamp: EpochMs, parts: RecordParts) {
    this.shared = shared
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

  #view(at: number, bytes: number): Buffer | null {
    return bytes < 0 ? null : this.shared.bytes.subarray(at, at + bytes)
  }
}

/** Bytes of key, value and headers together. */
export function recordBytes(record: RawRecord): number {
  if (record instanceof PackedRecord) {
    return Math.max(0, record.keyBytes) + Math.max(0, record.valueBytes) + Math.max(0, record.headersBytes)
  }
  return (record.value?.length ?? 0) + (record.key?.length ?? 0) + (record.headers?.length ?? 0)
}

/** Record batches written by hand, in the plainest way, so that what reads them is judged by something else than its own writer. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import { crc32c } from '../../src/kafka/crc32c.ts'

export interface WrittenRecord {
  readonly delta: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly timestampDelta?: bigint
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

export interface WrittenBatch {
  readonly baseOffset: number
  readonly records: readonly WrittenRecord[]
  readonly lastOffsetDelta?: number
  readonly codec?: 'none' | 'gzip' | 'snappy' | 'xerial' | 'lz4' | 'zstd'
  readonly producerId?: bigint
  readonly transactional?: boolean
  readonly control?: boolean
  readonly logAppendTime?: boolean
  readonly baseTimestamp?: bigint
  readonly maxTimestamp?: bigint
  readonly leaderEpoch?: number
  readonly magic?: number
  readonly count?: number
}

const CODEC_BITS = { none: 0, gzip: 1, snappy: 2, xerial: 2, lz4: 3, zstd: 4 } as const

/** Bytes written one after the other. */
class Writer {
  #bytes = Buffer.allocUnsafe(256)
  #at = 0

  clear(): void {
    this.#at = 0
  }

  byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#at++] = value
  }

  bytes(value: Buffer): void {
    this.#room(value.length)
    this.#at += value.copy(this.#bytes, this.#at)
  }

  /** Zigzag, seven bits a byte. */
  varint(value: bigint | number): void {
    this.#room(10)
    if (typeof value === 'number' && value >= 0 && value < 2 ** 30) this.#plain(2 * value)
    else this.#wide(BigInt(value))
  }

  /** Its length, then it; -1 for null. */
  field(bytes: Buffer | null): void {
    this.varint(bytes === null ? -1 : bytes.length)
    if (bytes !== null) this.bytes(bytes)
  }

  headers(headers: readonly (readonly [string, Buffer | null])[]): void {
    this.varint(headers.length)
    for (const [key, value] of headers) {
      this.field(Buffer.from(key))
      this.field(value)
    }
  }

  written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  #plain(value: number): void {
    let rest = value
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#at++] = (rest & 127) | 128
    this.#bytes[this.#at++] = rest
  }

  #wide(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 127n) | 128
    this.#bytes[this.#at++] = Number(rest)
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

export function varint(value: bigint | number): Buffer {
  const writer = new Writer()
  writer.varint(value)
  return writer.written()
}

export function headerSection(headers: readonly (readonly [string, Buffer | null])[]): Buffer {
  const writer = new Writer()
  writer.headers(headers)
  return writer.written()
}

/** Used again for every record. */
const body = new Writer()

export function writeRecord(record: WrittenRecord): Buffer {
  return recordSection([record])
}

function append(record: WrittenRecord, to: Writer): void {
  body.clear()
  body.byte(0)
  body.varint(record.timestampDelta ?? 0)
  body.varint(record.delta)
  body.field(record.key ?? null)
  body.field(record.value === undefined ? Buffer.from(`value ${record.delta}`) : record.value)
  body.headers(record.headers ?? [])
  to.field(body.written())
}

function recordSection(records: readonly WrittenRecord[]): Buffer {
  const section = new Writer()
  for (const record of records) append(record, section)
  return section.written()
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export function compress(codec: NonNullable<WrittenBatch['codec']>, content: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return content
    case 'gzip':
      return gzipSync(content)
    case 'zstd':
      return zstdCompressSync(content)
    case 'lz4':
    case 'snappy':
      return compressionsAlgorithms[codec].compressSync(content)
    case 'xerial': {
      const parts = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]), int32(1), int32(1)]
      for (let at = 0; at < content.length; at += 1000) {
        const block = compressionsAlgorithms.snappy.compressSync(content.subarray(at, at + 1000))
        parts.push(int32(block.length), block)
      }
      return Buffer.concat(parts)
    }
  }
}

export function writeBatch(batch: WrittenBatch): Buffer {
  return sealBatch(batch, compress(batch.codec ?? 'none', recordSection(batch.records)))
}

/** The batch around a record section that is already compressed, or broken on purpose. */
export function sealBatch(batch: WrittenBatch, payload: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(61), payload])
  const baseTimestamp = batch.baseTimestamp ?? 1_700_000_000_000n
  bytes.writeBigInt64BE(BigInt(batch.baseOffset), 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt32BE(batch.leaderEpoch ?? 3, 12)
  bytes.writeInt8(batch.magic ?? 2, 16)
  const flags = (batch.logAppendTime ? 8 : 0) | (batch.transactional ? 16 : 0) | (batch.control ? 32 : 0)
  bytes.writeInt16BE(CODEC_BITS[batch.codec ?? 'none'] | flags, 21)
  bytes.writeInt32BE(batch.lastOffsetDelta ?? batch.records.at(-1)?.delta ?? 0, 23)
  bytes.writeBigInt64BE(baseTimestamp, 27)
  bytes.writeBigInt64BE(batch.maxTimestamp ?? baseTimestamp, 35)
  bytes.writeBigInt64BE(batch.producerId ?? -1n, 43)
  bytes.writeInt32BE(batch.count ?? batch.records.length, 57)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

/** Plain records at consecutive offsets. */
export function plainBatch(baseOffset: number, count: number, more: Partial<WrittenBatch> = {}): Buffer {
  return writeBatch({ baseOffset, records: Array.from({ length: count }, (_, delta) => ({ delta })), ...more })
}

/** The marker that ends a transaction. */
export function markerBatch(offset: number, producerId: bigint, kind: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1])
  const records = [{ delta: 0, key, value: Buffer.alloc(6) }]
  return writeBatch({ baseOffset: offset, records, producerId, transactional: true, control: true })
}

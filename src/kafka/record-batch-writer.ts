/** Record batches for producing, in one buffer a batch; their format is told in record-batch.ts. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import { CODECS, type Codec } from './codecs.ts'
import { crc32c } from './crc32c.ts'

export interface ProducerMessage {
  readonly key?: Buffer | null
  /** null is a tombstone. */
  readonly value: Buffer | null
  /** Milliseconds since the epoch; by default the clock's time. */
  readonly timestamp?: bigint | number
  readonly headers?: readonly (readonly [key: string, value: Buffer | null])[]
}

export interface BatchOptions {
  readonly codec: Codec
  /** For records that have no timestamp. */
  readonly nowMs: number
}

const HEADER_BYTES = 61
/** Length, attributes, timestamp, offset, two lengths and a count at their longest. */
const RECORD_OVERHEAD_BYTES = 5 + 1 + 10 + 5 + 5 + 5 + 5

/** One batch of at least one record, base offset 0: brokers set it. */
export function writeRecordBatch(records: readonly ProducerMessage[], options: BatchOptions): Buffer {
  const baseTimestamp = Number(records[0]?.timestamp ?? options.nowMs)
  const plain = new RecordWriter(HEADER_BYTES + boundOf(records))
  let maxTimestamp = baseTimestamp
  for (const [index, record] of records.entries()) {
    const timestamp = Number(record.timestamp ?? options.nowMs)
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
    plain.record(record, index, timestamp - baseTimestamp)
  }
  const batch = options.codec === 'none' ? plain.written() : compressed(plain.written(), options.codec)
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(CODECS.indexOf(options.codec), 21)
  batch.writeInt32BE(records.length - 1, 23)
  batch.writeBigInt64BE(BigInt(baseTimestamp), 27)
  batch.writeBigInt64BE(BigInt(maxTimestamp), 35)
  batch.writeBigInt64BE(-1n, 43)
  batch.writeInt16BE(-1, 51)
  batch.writeInt32BE(-1, 53)
  batch.writeInt32BE(records.length, 57)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

function compressed(batch: Buffer, codec: Exclude<Codec, 'none'>): Buffer {
  const content = batch.subarray(HEADER_BYTES)
  return Buffer.concat([batch.subarray(0, HEADER_BYTES), compress(content, codec)])
}

function compress(content: Buffer, codec: Exclude<Codec, 'none'>): Buffer {
  switch (codec) {
    case 'gzip':
      return gzipSync(content)
    case 'zstd':
      return zstdCompressSync(content)
    case 'snappy':
    case 'lz4':
      return compressionsAlgorithms[codec].compressSync(content)
  }
}

function boundOf(records: readonly ProducerMessage[]): number {
  let bytes = 0
  for (const { key, value, headers } of records) {
    bytes += RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
    if (headers === undefined) continue
    for (const [name, content] of headers) bytes += 10 + name.length * 3 + (content?.length ?? 0)
  }
  return bytes
}

class RecordWriter {
  readonly #bytes: Buffer
  #at = HEADER_BYTES

  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytesMax)
  }

  /** The record is written behind room for the longest length, and moved to close up with its own. */
  record(record: ProducerMessage, index: number, timestampDelta: number): void {
    const start = this.#at
    this.#at = start + 5
    this.#bytes[this.#at++] = 0
    this.#varint(timestampDelta)
    this.#varint(index)
    this.#field(record.key ?? null)
    this.#field(record.value)
    const headers = record.headers ?? []
    this.#varint(headers.length)
    for (const [key, value] of headers) {
      this.#field(Buffer.from(key))
      this.#field(value)
    }
    const end = this.#at
    this.#at = start
    this.#varint(end - start - 5)
    this.#bytes.copyWithin(this.#at, start + 5, end)
    this.#at += end - start - 5
  }

  written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  #field(bytes: Buffer | null): void {
    this.#varint(bytes === null ? -1 : bytes.length)
    if (bytes !== null) this.#at += bytes.copy(this.#bytes, this.#at)
  }

  /** Zigzag, for any safe integer. */
  #varint(value: number): void {
    let rest = value < 0 ? -value * 2 - 1 : value * 2
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) + 128
    this.#bytes[this.#at++] = rest
  }
}

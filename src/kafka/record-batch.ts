/**
 * Record batches as they lie in a Fetch answer: format 2 only, each checked by its checksum before anything in it is believed.
 *
 *   batch => base_offset:i64 length:i32 leader_epoch:i32 magic:i8 crc:u32 attributes:i16 last_offset_delta:i32
 *            base_timestamp:i64 max_timestamp:i64 producer_id:i64 producer_epoch:i16 base_sequence:i32 count:i32 record*
 *   attributes => bits 0-2 codec, 3 log-append time, 4 transactional, 5 control
 *   record => length:varint attributes:i8 timestamp_delta:varlong offset_delta:varint
 *             key_length:varint key value_length:varint value header_count:varint header*
 *
 * `length` counts from leader_epoch, the CRC32C covers attributes to the end, the records alone are compressed.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */
import { messageOf, ProcessorError } from '../errors.ts'
import { type EpochMs, epochMs } from '../log.ts'
import { PackedRecords, type RecordParts } from '../packed-records.ts'
import { CODECS, type Codec, decompress } from './codecs.ts'
import { crc32c } from './crc32c.ts'

const LENGTH_AT = 8
const LEADER_EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const HEADER_BYTES = 61
/** Length, attributes, two deltas, two lengths, header count. */
const RECORD_BYTES_MIN = 7

export interface RecordBatch {
  readonly baseOffset: number
  /** Every offset up to this one is the batch's, also where compaction has taken the record. */
  readonly lastOffset: number
  readonly leaderEpoch: number
  readonly producerId: bigint
  readonly isTransactional: boolean
  readonly isControl: boolean
  /** Every record's time where the topic says LogAppendTime; null: each has its own. */
  readonly appendedAt: EpochMs | null
  readonly baseTimestamp: number
  readonly codec: Codec
  readonly count: number
  /** The record section, still compressed. */
  readonly payload: Buffer
  /** Length on the wire. */
  readonly bytes: number
}

/**
 * The batch at `at`, or null where the section ends before it does: brokers cut the last batch off where they like.
 * Throws KAFKA_CORRUPT_BATCH, or KAFKA_PROTOCOL for the formats of Kafka 0.10 and before.
 */
export function readRecordBatch(section: Buffer, at: number): RecordBatch | null {
  const left = section.length - at
  if (left <= MAGIC_AT) return null
  const magic = section[at + MAGIC_AT]
  if (magic !== 2) throw new ProcessorError('KAFKA_PROTOCOL', `record batch of format ${magic}; only format 2 is read`)
  const bytes = section.readInt32BE(at + LENGTH_AT) + LEADER_EPOCH_AT
  if (bytes < HEADER_BYTES) throw corrupt(`a record batch of ${bytes} bytes`)
  if (bytes > left) return null
  const end = at + bytes
  if (crc32c(section, at + ATTRIBUTES_AT, end) !== section.readUInt32BE(at + CRC_AT)) {
    throw corrupt('a record batch fails its checksum')
  }
  return readHeader(section, at, end)
}

/** How long the batch at `at` says it is, headers and all; 0 where the section ends before that. Nobody has checked it. */
export function batchBytesAt(section: Buffer, at: number): number {
  if (section.length - at < LEADER_EPOCH_AT) return 0
  return Math.max(0, section.readInt32BE(at + LENGTH_AT) + LEADER_EPOCH_AT)
}

function readHeader(section: Buffer, at: number, end: number): RecordBatch {
  const baseOffset = readInt64(section, at)
  const lastOffset = baseOffset + section.readInt32BE(at + 23)
  if (baseOffset < 0 || lastOffset < baseOffset || !Number.isSafeInteger(lastOffset)) {
    throw corrupt(`a record batch of offsets ${baseOffset} to ${lastOffset}`)
  }
  const attributes = section.readInt16BE(at + ATTRIBUTES_AT)
  const codec = CODECS[attributes & 7]
  if (codec === undefined) throw corrupt(`a record batch with the unknown codec ${attributes & 7}`)
  const count = section.readInt32BE(at + 57)
  if (count < 0 || count > lastOffset - baseOffset + 1) {
    throw corrupt(`${count} records at offsets ${baseOffset} to ${lastOffset}`)
  }
  return {
    baseOffset,
    lastOffset,
    leaderEpoch: section.readInt32BE(at + LEADER_EPOCH_AT),
    producerId: section.readBigInt64BE(at + 43),
    isTransactional: (attributes & 16) !== 0,
    isControl: (attributes & 32) !== 0,
    appendedAt: attributes & 8 ? epochMs(readInt64(section, at + 35)) : null,
    baseTimestamp: readInt64(section, at + 27),
    codec,
    count,
    payload: section.subarray(at + HEADER_BYTES, end),
    bytes: end - at,
  }
}

/**
 * Appends the batch's records from offset `from` on. They share its plain bytes; answers how many those are.
 * Throws KAFKA_CORRUPT_BATCH, also for a batch whose content is longer than `plainBytesMax`; `into` then holds a part of it.
 */
export function readRecords(batch: RecordBatch, from: number, plainBytesMax: number, into: PackedRecords): number {
  const cursor = new Cursor(plainBytes(batch, plainBytesMax))
  // The count is what somebody wrote: no record is shorter than that.
  into.begin(cursor.bytes, Math.min(batch.count, Math.floor(cursor.bytes.length / RECORD_BYTES_MIN)))
  let previous = batch.baseOffset - 1
  for (let index = 0; index < batch.count; index++) {
    const end = cursor.varint() + cursor.at
    if (!(end > cursor.at && end <= cursor.bytes.length)) throw corrupt('a record beyond its batch')
    cursor.end = end
    cursor.at++ // attributes: none are defined
    const timestampDelta = cursor.varlong()
    const offset = batch.baseOffset + cursor.varint()
    if (!(offset > previous && offset <= batch.lastOffset)) throw corrupt(`offset ${offset} after ${previous}`)
    previous = offset
    if (offset >= from) {
      const timestamp = batch.appendedAt ?? epochMs(batch.baseTimestamp + timestampDelta)
      cursor.readParts()
      into.push(offset, timestamp, cursor)
    }
    cursor.at = end
    cursor.end = cursor.bytes.length
  }
  if (cursor.at !== cursor.bytes.length) throw corrupt('bytes behind the last record of a batch')
  return cursor.bytes.length
}

/** True for the marker that ends an aborted transaction: the control record's key is version:i16 type:i16, type 0. */
export function isAbortMarker(batch: RecordBatch): boolean {
  if (!batch.isControl || !batch.isTransactional || batch.count === 0) return false
  const records = new PackedRecords()
  readRecords(batch, batch.baseOffset, batch.payload.length, records)
  const key = records.at(0)?.key
  if (key === null || key === undefined || key.length < 4) throw corrupt('a control record without its type')
  return key.readInt16BE(2) === 0
}

function plainBytes(batch: RecordBatch, plainBytesMax: number): Buffer {
  if (batch.codec === 'none') return batch.payload
  if (batch.count === 0 && batch.payload.length === 0) return batch.payload
  try {
    return decompress(batch.codec, batch.payload, plainBytesMax)
  } catch (error) {
    throw corrupt(`a batch that can't be decompressed (${batch.codec}): ${messageOf(error)}`, error)
  }
}

/** Reads within [at, end) and throws beyond it. */
class Cursor implements RecordParts {
  readonly bytes: Buffer
  at = 0
  end: number
  keyAt = 0
  keyBytes = 0
  valueAt = 0
  valueBytes = 0
  headersAt = 0
  headersBytes = 0
  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.end = bytes.length
  }

  /** A zigzag varint of at most 32 bits. */
  varint(): number {
    let byte = this.byte()
    let value = byte & 0x7f
    for (let shift = 7; byte > 127; shift += 7) {
      if (shift > 28) throw corrupt('a number of more than 32 bits')
      byte = this.byte()
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  /** A zigzag varint of at most 64 bits; beyond 53 it is rounded, as nothing that large is a time. */
  varlong(): number {
    const start = this.at
    let byte = this.byte()
    let value = byte & 0x7f
    for (let shift = 7; byte > 127; shift += 7) {
      if (shift > 21) {
        this.at = start
        return this.longVarlong()
      }
      byte = this.byte()
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  /** Key, value and headers: to the end of the record. */
  readParts(): void {
    this.keyBytes = this.length()
    this.keyAt = this.at
    if (this.keyBytes > 0) this.at += this.keyBytes
    this.valueBytes = this.length()
    this.valueAt = this.at
    if (this.valueBytes > 0) this.at += this.valueBytes
    if (this.at >= this.end) throw corrupt('a record without its header count')
    this.headersAt = this.at
    this.headersBytes = this.end - this.at === 1 && this.bytes[this.at] === 0 ? -1 : this.end - this.at
  }

  /** Of the key or value that follows; -1 for null. */
  private length(): number {
    const length = this.varint()
    if (length < -1 || this.at + length > this.end) throw corrupt('a key or value beyond its record')
    return length
  }

  private longVarlong(): number {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 128) return Number(BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n)))
    }
    throw corrupt('a number of more than 64 bits')
  }

  private byte(): number {
    if (this.at >= this.end) throw corrupt('a record ends within a number')
    return this.bytes[this.at++]!
  }
}

function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
}

function corrupt(detail: string, cause?: unknown): ProcessorError {
  return new ProcessorError('KAFKA_CORRUPT_BATCH', detail, cause === undefined ? undefined : { cause })
}

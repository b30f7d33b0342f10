/**
 * From one partition's Fetch answer to consecutive offsets [from, to), each of them accounted for: a record, or a hole that
 * the log itself proves (a control record, an aborted transaction, an offset inside a batch that compaction has emptied).
 * An offset between two batches proves nothing, so a range ends there; the next one then begins with a suspected gap.
 * It also ends where another leader's batches begin.
 * Pure.
 */
import { messageOf, ProcessorError } from '../errors.ts'
import type { RawRecord } from '../log.ts'
import { PackedRecords } from '../packed-records.ts'
import type { Tail } from '../pipeline.ts'
import { crc32c } from './crc32c.ts'
import { ReadCommitted } from './read-committed.ts'
import { batchBytesAt, type RecordBatch, readRecordBatch, readRecords } from './record-batch.ts'
import type { FetchedPartition } from './transport.ts'

export interface RecordRange {
  readonly from: number
  /** The first offset that nothing is known about; `from` where the answer holds nothing. */
  readonly to: number
  readonly records: PackedRecords
  /** to - from - records.length. */
  readonly holes: number
  /** Of the batches read, on the wire. */
  readonly bytes: number
  /** The memory that the records lie in: these batches, decompressed. */
  readonly plainBytes: number
  /** The last record; null where there is none (its leader epoch is then unknown). */
  readonly tail: Tail | null
  /** Where the next batch begins beyond `to`: nobody has yet said what became of [to, gapTo). */
  readonly gapTo: number | null
  /** KAFKA_CORRUPT_BATCH or KAFKA_PROTOCOL in the batch at `to`; everything before it is good. */
  readonly error: ProcessorError | null
  /** True where there are bytes but not one whole batch: ask for more bytes. */
  readonly truncated: boolean
  /** How long that batch says it is; 0 where it is not truncated, or before the place that says so. */
  readonly batchBytes: number
}

export interface RangeLimits {
  /** A batch whose content is longer is refused as corrupt. */
  readonly plainBytesMax: number
  /** The range ends with the batch that reaches it. @default none */
  readonly rangeBytesMax?: number
}

/** Reads the answer from the wanted offset on. Never throws for what a broker or a wire can do. */
export function readRange(answer: FetchedPartition, from: number, limits: RangeLimits): RecordRange {
  const reading = new Reading(answer, from, limits)
  let error: ProcessorError | null = null
  try {
    while (reading.step());
  } catch (cause) {
    error =
      cause instanceof ProcessorError ? cause : new ProcessorError('KAFKA_CORRUPT_BATCH', messageOf(cause), { cause })
  }
  return reading.finish(error)
}

class Reading {
  readonly #section: Buffer
  readonly #from: number
  readonly #limits: RangeLimits
  readonly #committed: ReadCommitted
  readonly #records = new PackedRecords()
  #at = 0
  #to: number
  #gapTo: number | null = null
  #leaderEpoch = -1
  #plainBytes = 0

  constructor(answer: FetchedPartition, from: number, limits: RangeLimits) {
    this.#section = answer.batches
    this.#from = from
    this.#to = from
    this.#limits = limits
    this.#committed = new ReadCommitted(answer.abortedTransactions)
  }

  /** One batch further; false at the end. A batch that throws leaves nothing of itself behind. */
  step(): boolean {
    if (this.#at > 0 && this.#plainBytes >= (this.#limits.rangeBytesMax ?? Number.POSITIVE_INFINITY)) return false
    const batch = readRecordBatch(this.#section, this.#at)
    if (batch === null) return false
    if (batch.baseOffset > this.#to) {
      this.#gapTo = batch.baseOffset
      return false
    }
    // Brokers answer from the start of the batch that holds the offset asked for; overlapping batches don't exist.
    if (this.#to > this.#from && batch.baseOffset !== this.#to) {
      throw new ProcessorError('KAFKA_CORRUPT_BATCH', `a batch at offset ${batch.baseOffset} behind ${this.#to - 1}`)
    }
    // One leader epoch a range, so that it is right for the tail wherever the range is cut; the rest is fetched again.
    if (this.#records.length > 0 && batch.leaderEpoch !== this.#leaderEpoch) return false
    const hidden = this.#committed.hides(batch)
    if (!hidden && batch.lastOffset >= this.#to) this.#take(batch)
    this.#at += batch.bytes
    this.#to = Math.max(this.#to, batch.lastOffset + 1)
    return true
  }

  finish(error: ProcessorError | null): RecordRange {
    const records = this.#records
    const truncated = this.#at === 0 && this.#section.length > 0 && error === null && this.#gapTo === null
    return {
      from: this.#from,
      to: this.#to,
      records,
      holes: this.#to - this.#from - records.length,
      bytes: this.#at,
      plainBytes: this.#plainBytes,
      tail: tailOf(records.at(-1), this.#leaderEpoch),
      gapTo: this.#gapTo,
      error,
      truncated,
      batchBytes: truncated ? batchBytesAt(this.#section, 0) : 0,
    }
  }

  #take(batch: RecordBatch): void {
    const before = this.#records.length
    try {
      this.#plainBytes += readRecords(batch, this.#to, this.#limits.plainBytesMax, this.#records)
    } catch (error) {
      this.#records.cut(before)
      throw error
    }
    if (this.#records.length > before) this.#leaderEpoch = batch.leaderEpoch
  }
}

function tailOf(record: RawRecord | undefined, leaderEpoch: number): Tail | null {
  if (record === undefined) return null
  return { leaderEpoch, offset: record.offset, timestamp: record.timestamp, crc: recordCrc(record) }
}

/** CRC32C over key, then value: how the ledger recognises a record. */
export function recordCrc(record: Pick<RawRecord, 'key' | 'value'>): number {
  const key = record.key === null ? 0 : crc32c(record.key)
  return record.value === null ? key : crc32c(record.value, 0, record.value.length, key)
}

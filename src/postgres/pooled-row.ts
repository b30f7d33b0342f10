/**
 * The standard row of a usual log (log-pool.ts). How long it is is known before it is written: so room is asked for once, and what comes then
 * are stores. The same bytes as field by field (table-shape.ts).
 */
import { decodeInPlace, FORM } from '../json-string.ts'
import type { ScoredLog } from '../log.ts'
import type { PooledLog } from '../log-pool.ts'
import { type BinaryRows, INT4_MAX, inRange, microsecondsOf, TWO_32 } from './binary-rows.ts'
import { roundHalfEven } from './round-half-even.ts'

const FIELDS = 15
/** The lengths of all fields, and the values that are always as long; some 14 bytes more than are needed where something is null. */
const FIXED_BYTES = FIELDS * 4 + 4 + 8 + 1 + 8 + 1 + 4 + 4 + 8 + 4
/** Up to here a loop is faster than a call. */
const SHORT_BYTES = 32

export class PooledRow {
  readonly #topicId: number
  /** Of the row before: mostly this one's, too. */
  #level = ''
  #source = ''
  #levelField: Uint8Array = new Uint8Array()
  #sourceField: Uint8Array = new Uint8Array()

  constructor(topicId: number) {
    inRange(topicId, INT4_MAX)
    this.#topicId = topicId
  }

  /** `event` is that of the log. Throws RangeError for what a column can't hold. */
  write(rows: BinaryRows, log: ScoredLog, event: PooledLog): void {
    const { score, explanation } = log
    const { latency, offset, messageBytes, userIdBytes, metadataBytes } = event
    if (!Number.isFinite(score)) throw new RangeError(`not a finite number: ${score}`)
    inRange(event.partition, INT4_MAX)
    this.#repeated(rows, event, log)
    const service = rows.nameField(event.service)
    const names = service.length + this.#levelField.length + this.#sourceField.length
    const texts = messageBytes + metadataBytes + Math.max(0, userIdBytes)
    let at = rows.room(FIXED_BYTES + names + texts)
    const { buffer, view } = rows
    at = copied(this.#levelField, buffer, copied(service, buffer, at))
    at = messageField(rows, at, event)
    if (latency < 0) at = noField(view, at)
    else {
      const ms = roundHalfEven(latency)
      inRange(ms, INT4_MAX)
      at = int4Field(view, at, ms)
    }
    view.setInt32(at, 8)
    view.setFloat64(at + 4, score)
    view.setInt32(at + 12, 1)
    buffer[at + 16] = log.isAnomaly ? 1 : 0
    at = int8Field(view, at + 17, microsecondsOf(event.createdAt))
    if (userIdBytes < 0) at = noField(view, at)
    else {
      view.setInt32(at, userIdBytes)
      at = utf8(event.bytes, event.userIdAt, userIdBytes, buffer, at + 4)
    }
    if (metadataBytes === 0) at = noField(view, at)
    else {
      view.setInt32(at, metadataBytes + 1)
      buffer[at + 4] = 1
      event.writeMetadata(buffer, at + 5)
      at += 5 + metadataBytes
    }
    at = int4Field(view, at, this.#topicId)
    at = int4Field(view, at, event.partition)
    at = int8Field(view, at, offset)
    at = int4Field(view, at, event.item)
    at = copied(this.#sourceField, buffer, at)
    if (explanation === null) at = noField(view, at)
    rows.wrote(at)
    if (explanation !== null) rows.jsonb(explanation)
  }

  /** Finds the fields of the texts that hardly ever change. */
  #repeated(rows: BinaryRows, { level }: PooledLog, { source }: ScoredLog): void {
    if (level !== this.#level) {
      this.#levelField = rows.nameField(level)
      this.#level = level
    }
    if (source !== this.#source) {
      this.#sourceField = rows.nameField(source)
      this.#source = source
    }
  }
}

/** These give where the next field begins. */
function noField(view: DataView, at: number): number {
  view.setInt32(at, -1)
  return at + 4
}

function int4Field(view: DataView, at: number, value: number): number {
  view.setInt32(at, 4)
  view.setInt32(at + 4, value)
  return at + 8
}

function int8Field(view: DataView, at: number, value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not a bigint column's value: ${value}`)
  const high = Math.floor(value / TWO_32)
  view.setInt32(at, 8)
  view.setInt32(at + 4, high)
  view.setInt32(at + 8, value - high * TWO_32)
  return at + 12
}

/** A whole field, its length included. */
function copied(field: Uint8Array, buffer: Uint8Array, at: number): number {
  const length = field.length
  for (let i = 0; i < length; i++) buffer[at + i] = field[i]!
  return at + length
}

/** Decoded, a text with escapes is no longer than before. */
function messageField({ buffer, view }: BinaryRows, at: number, event: PooledLog): number {
  const { bytes, messageAt, messageBytes, messageForm } = event
  const start = at + 4
  let end = utf8(bytes, messageAt, messageBytes, buffer, start)
  if (messageForm === FORM.escaped) end = decodeInPlace(buffer, view, start, end)
  view.setInt32(at, end - start)
  return end
}

/** Well-formed UTF-8 without NUL. */
function utf8(source: Buffer, from: number, length: number, buffer: Uint8Array, at: number): number {
  if (length > SHORT_BYTES) source.copy(buffer, at, from, from + length)
  else for (let i = 0; i < length; i++) buffer[at + i] = source[from + i]!
  return at + length
}

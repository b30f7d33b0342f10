/** Dead letters as rows: the raw bytes, where they came from, and why. Cut when long; size and hash are of the whole. */
import { hash } from 'node:crypto'
import type { RawRecord, Reject } from '../log.ts'
import { type BinaryRows, storableText } from './binary-rows.ts'

export interface DeadLetterScope {
  readonly namespace: string
  readonly topic: string
  readonly incarnation: number
  readonly bytesMax: number
  /** Kafka's header section as [key, base64 value][]; never throws. */
  readonly decodeHeaders: (section: Buffer) => readonly (readonly [string, string | null])[]
}

export const DEAD_LETTER_COLUMNS =
  'namespace, topic, incarnation, part, "offset", item, record_ts, reason, detail, service, sqlstate, fingerprint, key, value, value_size, value_sha256, headers, alone'
const FIELDS = 18
/** PostgreSQL's own range is wider; nobody's log is. A producer can write any number into a record's timestamp. */
const TIMESTAMP_MAX_MS = 253_402_300_799_999
const HEADERS_CHARS_MAX = 64 * 1024

/** The same cause gives the same one, whatever the message was. */
export function fingerprintOf({ reason, service, detail, sqlstate }: Reject): string {
  const cause = `${reason}\n${sqlstate ?? ''}\n${service ?? ''}\n${detail.replace(/\d+/g, '#')}`
  return hash('sha256', cause, 'hex').slice(0, 16)
}

/** `alone`: nothing of the letter's record becomes a row. */
export function writeDeadLetter(
  rows: BinaryRows,
  reject: Reject,
  scope: DeadLetterScope & { readonly alone: boolean },
): void {
  const { record } = reject
  rows.row(FIELDS)
  rows.name(scope.namespace)
  rows.name(scope.topic)
  rows.int4(scope.incarnation)
  rows.int4(reject.partition)
  rows.int8(reject.offset)
  rows.int4(reject.item)
  if (record.timestamp < 0 || record.timestamp > TIMESTAMP_MAX_MS) rows.null()
  else rows.timestamp(record.timestamp)
  rows.name(reject.reason)
  rows.text(reject.detail)
  writeText(rows, reject.service)
  writeText(rows, reject.sqlstate)
  rows.text(fingerprintOf(reject))
  writeBytes(rows, record.key, scope.bytesMax)
  writeBytes(rows, record.value, scope.bytesMax)
  if (record.value === null) {
    rows.null()
    rows.null()
  } else {
    rows.int8(record.value.length)
    rows.bytes(hash('sha256', record.value, 'buffer'))
  }
  writeHeaders(rows, record, scope)
  rows.bool(scope.alone)
}

function writeText(rows: BinaryRows, text: string | null): void {
  if (text === null) rows.null()
  else rows.text(text)
}

function writeBytes(rows: BinaryRows, bytes: Buffer | null, most: number): void {
  if (bytes === null) rows.null()
  else rows.bytes(bytes.subarray(0, most))
}

function writeHeaders(rows: BinaryRows, record: RawRecord, scope: DeadLetterScope): void {
  if (record.headers === null) {
    rows.null()
    return
  }
  const text = JSON.stringify(scope.decodeHeaders(record.headers), (_, value: unknown) =>
    typeof value === 'string' ? storableText(value) : value,
  )
  rows.jsonb(text.length <= HEADERS_CHARS_MAX ? text : JSON.stringify({ truncated: true, chars: text.length }))
}

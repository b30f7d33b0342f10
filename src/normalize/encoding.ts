/**
 * What the bytes of a value are, before anybody parses them:
 *
 *   1f 8b                     gzip              00 00 fe ff, ff fe 00 00   UTF-32
 *   28 b5 2f fd               zstd              fe ff, ff fe               UTF-16
 *   04 22 4d 18               lz4 frame         7b 00, 00 7b 00            UTF-16 without its mark, a `{`
 *   82 53 4e 41 50 50 59 00   snappy (xerial)   ef bb bf                   UTF-8 with its mark: taken, the mark dropped
 *   00 + 4 bytes              schema registry framing (Confluent): Avro, Protobuf or JSON Schema behind it
 */
import type { RejectReason } from '../log.ts'

type Encoding =
  | { readonly kind: 'text'; readonly start: number }
  | { readonly kind: 'refused'; readonly reason: RejectReason; readonly detail: string }

const PLAIN: Encoding = { kind: 'text', start: 0 }
const MARKED: Encoding = { kind: 'text', start: 3 }

interface Magic {
  readonly bytes: readonly number[]
  readonly reason: RejectReason
  readonly detail: string
}

const MAGICS: readonly Magic[] = [
  { bytes: [0x1f, 0x8b], reason: 'compressed', detail: 'The value is gzip' },
  { bytes: [0x28, 0xb5, 0x2f, 0xfd], reason: 'compressed', detail: 'The value is zstd' },
  { bytes: [0x04, 0x22, 0x4d, 0x18], reason: 'compressed', detail: 'The value is an lz4 frame' },
  { bytes: [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00], reason: 'compressed', detail: 'The value is snappy' },
  { bytes: [0x00, 0x00, 0xfe, 0xff], reason: 'wrong_encoding', detail: 'The value is UTF-32' },
  { bytes: [0xff, 0xfe, 0x00, 0x00], reason: 'wrong_encoding', detail: 'The value is UTF-32' },
  { bytes: [0xfe, 0xff], reason: 'wrong_encoding', detail: 'The value is UTF-16' },
  { bytes: [0xff, 0xfe], reason: 'wrong_encoding', detail: 'The value is UTF-16' },
  { bytes: [0x7b, 0x00], reason: 'wrong_encoding', detail: 'The value looks like UTF-16' },
  { bytes: [0x00, 0x7b, 0x00], reason: 'wrong_encoding', detail: 'The value looks like UTF-16' },
]

export function recognizeEncoding(value: Buffer): Encoding {
  if (value[0] === 0x7b && value[1] !== 0) return PLAIN
  if (value[0] === 0xef && value[1] === 0xbb && value[2] === 0xbf) return MARKED
  const magic = MAGICS.find(({ bytes }) => bytes.every((byte, i) => value[i] === byte))
  if (magic !== undefined) return { kind: 'refused', reason: magic.reason, detail: magic.detail }
  if (value[0] === 0 && value.length >= 5) {
    const id = value.readUInt32BE(1)
    const detail = `The value carries schema registry framing (schema id ${id}); plain JSON is expected`
    return { kind: 'refused', reason: 'schema_registry_framing', detail }
  }
  return PLAIN
}

/** For a value that is no JSON: whether it is text at all. What begins as JSON does counts as text. */
export function isBinary(value: Buffer, validUtf8: boolean): boolean {
  const first = value.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)
  if (first === undefined || JSON_STARTS.includes(first)) return false
  return !validUtf8 || value.some((byte) => byte < 0x20 && !TEXT_CONTROLS.includes(byte))
}

const JSON_STARTS = Buffer.from('{["-0123456789tfn')
/** Tab, newline, form feed, carriage return and escape. */
const TEXT_CONTROLS = Buffer.from([0x09, 0x0a, 0x0c, 0x0d, 0x1b])

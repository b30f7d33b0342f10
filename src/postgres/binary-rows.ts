/**
 * Rows in COPY's binary format, written into one buffer that is used again and again.
 *
 *   file  := "PGCOPY\n\xff\r\n\0" int32 flags=0 int32 extension=0 row* int16 -1
 *   row   := int16 fields, field*
 *   field := int32 length, bytes    |  int32 -1  (null)
 *
 * The server trusts what it is sent, and Buffer's writers wrap or throw, so every value is checked here: a value that the
 * column can't hold is a RangeError, which is a bug of the caller.
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const POSTGRES_EPOCH_MS = 946_684_800_000
const TWO_32 = 4_294_967_296
/** Services and levels repeat: their bytes are kept. Cleared when full, since junk names must not keep real ones out. */
const INTERNED_MAX = 4_096

/** What a text column can hold: NUL can't be stored, half a surrogate pair is not UTF-8 (nor JSON that jsonb takes). */
export function storableText(text: string): string {
  const wellFormed = text.toWellFormed()
  return wellFormed.includes('\u0000') ? wellFormed.replaceAll('\u0000', '\ufffd') : wellFormed
}

export class BinaryRows {
  #buffer: Buffer
  #at = 0
  #interned = new Map<string, Buffer>()

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes)
  }

  /** Forgets the rows, keeps the memory, unless one outsized batch made it far larger than asked. */
  start(bytesKept: number): void {
    if (this.#buffer.length > bytesKept) this.#buffer = Buffer.allocUnsafe(bytesKept)
    SIGNATURE.copy(this.#buffer, 0)
    this.#at = SIGNATURE.length
  }

  /** The finished file; valid until the next start(). */
  finish(): Buffer {
    this.#ensure(2)
    this.#at = this.#buffer.writeInt16BE(-1, this.#at)
    return this.#buffer.subarray(0, this.#at)
  }

  row(fields: number): void {
    this.#ensure(2)
    this.#at = this.#buffer.writeInt16BE(fields, this.#at)
  }

  null(): void {
    this.#ensure(4)
    this.#at = this.#buffer.writeInt32BE(-1, this.#at)
  }

  bool(value: boolean): void {
    this.#field(1)
    this.#buffer[this.#at++] = value ? 1 : 0
  }

  int2(value: number): void {
    this.#field(2)
    this.#at = this.#buffer.writeInt16BE(integer(value), this.#at)
  }

  int4(value: number): void {
    this.#field(4)
    this.#at = this.#buffer.writeInt32BE(integer(value), this.#at)
  }

  int8(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a bigint column's value: ${value}`)
    this.#field(8)
    const high = Math.floor(value / TWO_32)
    this.#at = this.#buffer.writeInt32BE(high, this.#at)
    this.#at = this.#buffer.writeUInt32BE(value - high * TWO_32, this.#at)
  }

  float4(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`not a finite number: ${value}`)
    this.#field(4)
    this.#at = this.#buffer.writeFloatBE(value, this.#at)
  }

  float8(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`not a finite number: ${value}`)
    this.#field(8)
    this.#at = this.#buffer.writeDoubleBE(value, this.#at)
  }

  /** Milliseconds since 1970, the fraction to the microsecond; for timestamptz, and for timestamp as UTC. */
  timestamp(ms: number): void {
    this.int8(Math.round((ms - POSTGRES_EPOCH_MS) * 1000))
  }

  /** NUL becomes U+FFFD, as Node's encoder makes of half a surrogate pair. */
  text(text: string): void {
    const value = text.includes('\u0000') ? storableText(text) : text
    const most = value.length * 3
    this.#ensure(4 + most)
    const bytes = this.#buffer.write(value, this.#at + 4, most, 'utf8')
    this.#buffer.writeInt32BE(bytes, this.#at)
    this.#at += 4 + bytes
  }

  /** Text of few distinct values. */
  name(value: string): void {
    let field = this.#interned.get(value)
    if (field === undefined) {
      const bytes = Buffer.from(storableText(value), 'utf8')
      field = Buffer.allocUnsafe(4 + bytes.length)
      field.writeInt32BE(bytes.length, 0)
      bytes.copy(field, 4)
      if (this.#interned.size >= INTERNED_MAX) this.#interned = new Map()
      this.#interned.set(value, field)
    }
    this.#ensure(field.length)
    this.#buffer.set(field, this.#at)
    this.#at += field.length
  }

  /** jsonb's wire format is a version byte, 1, and the text. */
  jsonb(text: string): void {
    const most = text.length * 3
    this.#ensure(5 + most)
    const bytes = this.#buffer.write(text, this.#at + 5, most, 'utf8')
    this.#buffer.writeInt32BE(bytes + 1, this.#at)
    this.#buffer[this.#at + 4] = 1
    this.#at += 5 + bytes
  }

  bytes(value: Uint8Array): void {
    this.#field(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  #field(length: number): void {
    this.#ensure(4 + length)
    this.#at = this.#buffer.writeInt32BE(length, this.#at)
  }

  #ensure(more: number): void {
    const needed = this.#at + more
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

/** Buffer's writers check the range but cut a fraction off silently. */
function integer(value: number): number {
  if (!Number.isInteger(value)) throw new RangeError(`not an integer: ${value}`)
  return value
}

/**
 * Rows in COPY's binary format, written into one buffer that is used again and again.
 *
 *   file  := "PGCOPY\n\xff\r\n\0" int32 flags=0 int32 extension=0 row* int16 -1
 *   row   := int16 fields, field*
 *   field := int32 length, bytes    |  int32 -1  (null)
 *
 * The server trusts what it is sent, so every value is checked here: a value that the column can't hold is a RangeError, which
 * is a bug of the caller.
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const POSTGRES_EPOCH_MS = 946_684_800_000
export const TWO_32 = 4_294_967_296
const INT2_MAX = 32_767
export const INT4_MAX = 2_147_483_647
/** Services and levels repeat: their bytes are kept. Cleared when full, since junk names must not keep real ones out. */
const INTERNED_MAX = 4_096

/** What a text column can hold: NUL can't be stored, half a surrogate pair is not UTF-8 (nor JSON that jsonb takes). */
export function storableText(text: string): string {
  const wellFormed = text.toWellFormed()
  return wellFormed.includes('\u0000') ? wellFormed.replaceAll('\u0000', '\ufffd') : wellFormed
}

export class BinaryRows {
  #buffer: Buffer
  /** Over the same memory: its setters compile to one store each. They wrap silently, hence the checks before them. */
  #view: DataView
  #at = 0
  /** What lies before was taken. */
  #taken = 0
  #interned = new Map<string, Buffer>()

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes)
    this.#view = viewOf(this.#buffer)
  }

  /** Forgets the rows, keeps the memory, unless one outsized batch made it far larger than asked. */
  start(bytesKept: number): void {
    if (this.#buffer.length > bytesKept) this.#use(Buffer.allocUnsafeSlow(bytesKept))
    SIGNATURE.copy(this.#buffer, 0)
    this.#at = SIGNATURE.length
    this.#taken = 0
  }

  /** The next piece of the file: what was written since the last one; valid until the next start(). */
  take(): Buffer {
    const piece = this.#buffer.subarray(this.#taken, this.#at)
    this.#taken = this.#at
    return piece
  }

  /** The last piece, which is the whole file where none was taken; valid until the next start(). */
  finish(): Buffer {
    this.#ensure(2)
    this.#int16(-1)
    return this.take()
  }

  row(fields: number): void {
    this.#ensure(2)
    this.#int16(fields)
  }

  null(): void {
    this.#ensure(4)
    this.#int32(-1)
  }

  bool(value: boolean): void {
    this.#ensure(5)
    this.#int32(1)
    this.#buffer[this.#at++] = value ? 1 : 0
  }

  int2(value: number): void {
    inRange(value, INT2_MAX)
    this.#ensure(6)
    this.#int32(2)
    this.#int16(value)
  }

  int4(value: number): void {
    inRange(value, INT4_MAX)
    this.#ensure(8)
    this.#int32(4)
    this.#int32(value)
  }

  int8(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not a bigint column's value: ${value}`)
    this.#ensure(12)
    this.#int32(8)
    const high = Math.floor(value / TWO_32)
    this.#int32(high)
    this.#int32(value - high * TWO_32)
  }

  float4(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`not a finite number: ${value}`)
    this.#ensure(8)
    this.#int32(4)
    this.#view.setFloat32(this.#at, value)
    this.#at += 4
  }

  float8(value: number): void {
    if (!Number.isFinite(value)) throw new RangeError(`not a finite number: ${value}`)
    this.#ensure(12)
    this.#int32(8)
    this.#view.setFloat64(this.#at, value)
    this.#at += 8
  }

  /** Milliseconds since 1970, the fraction to the microsecond; for timestamptz, and for timestamp as UTC. */
  timestamp(ms: number): void {
    this.int8(microsecondsOf(ms))
  }

  /** NUL becomes U+FFFD, as Node's encoder makes of half a surrogate pair. */
  text(text: string): void {
    const value = text.includes('\u0000') ? storableText(text) : text
    const most = value.length * 3
    this.#ensure(4 + most)
    const bytes = this.#buffer.write(value, this.#at + 4, most, 'utf8')
    this.#int32(bytes)
    this.#at += bytes
  }

  /** Where somebody else may write so many bytes, into `buffer` or by `view`; where they end is told by `wrote`. */
  room(bytes: number): number {
    this.#ensure(bytes)
    return this.#at
  }

  /** Until there is room for more. */
  get buffer(): Buffer {
    return this.#buffer
  }

  get view(): DataView {
    return this.#view
  }

  wrote(end: number): void {
    this.#at = end
  }

  /** Text of few distinct values: the whole field, its length included. */
  nameField(value: string): Uint8Array {
    return this.#interned.get(value) ?? this.#intern(value)
  }

  name(value: string): void {
    const field = this.nameField(value)
    const length = field.length
    this.#ensure(length)
    const [buffer, at] = [this.#buffer, this.#at]
    // Short: a loop is faster than a call.
    for (let i = 0; i < length; i++) buffer[at + i] = field[i]!
    this.#at = at + length
  }

  /** jsonb's wire format is a version byte, 1, and the text. */
  jsonb(text: string): void {
    const most = text.length * 3
    this.#ensure(5 + most)
    const bytes = this.#buffer.write(text, this.#at + 5, most, 'utf8')
    this.#int32(bytes + 1)
    this.#buffer[this.#at] = 1
    this.#at += 1 + bytes
  }

  bytes(value: Uint8Array): void {
    this.#ensure(4 + value.length)
    this.#int32(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** A field of so many bytes, which come from elsewhere. */
  announce(bytes: number): void {
    inRange(bytes, INT4_MAX)
    this.#ensure(4)
    this.#int32(bytes)
  }

  #int16(value: number): void {
    this.#view.setInt16(this.#at, value)
    this.#at += 2
  }

  #int32(value: number): void {
    this.#view.setInt32(this.#at, value)
    this.#at += 4
  }

  #intern(value: string): Buffer {
    const bytes = Buffer.from(storableText(value), 'utf8')
    const field = Buffer.allocUnsafe(4 + bytes.length)
    field.writeInt32BE(bytes.length, 0)
    bytes.copy(field, 4)
    if (this.#interned.size >= INTERNED_MAX) this.#interned = new Map()
    this.#interned.set(value, field)
    return field
  }

  #ensure(more: number): void {
    const needed = this.#at + more
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#use(larger)
  }

  #use(buffer: Buffer): void {
    this.#buffer = buffer
    this.#view = viewOf(buffer)
  }
}

/** A time as PostgreSQL counts it, from milliseconds since 1970. */
export function microsecondsOf(ms: number): number {
  return Math.round((ms - POSTGRES_EPOCH_MS) * 1000)
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}

export function inRange(value: number, most: number): void {
  if (!Number.isInteger(value) || value > most || value < -most - 1) {
    throw new RangeError(`not an integer of the column's size: ${value}`)
  }
}

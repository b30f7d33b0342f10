/**
 * Kafka's primitive types, in their classic form and in the flexible one of KIP-482, as a reader and a writer.
 *
 *   STRING  = int16 length, UTF-8                 COMPACT_STRING = unsigned varint (length + 1), UTF-8
 *   BYTES   = int32 length, bytes                 COMPACT_BYTES  = unsigned varint (length + 1), bytes
 *   ARRAY   = int32 count, elements               COMPACT_ARRAY  = unsigned varint (count + 1), elements
 *   null    = length or count -1                  null           = 0
 *                                                 a struct ends in tagged fields: count, then (tag, size, bytes) each
 */

/** The bytes are not what the protocol says; the connection that sent them is of no more use. */
export class WireError extends Error {}

export class WireReader {
  readonly version: number
  readonly flexible: boolean
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer, form: { version: number; flexible: boolean }) {
    this.#bytes = bytes
    this.version = form.version
    this.flexible = form.flexible
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1))
  }
  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }
  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }
  /** As a number: exact for every offset, timestamp and producer id that this broker hands out. */
  int64(): number {
    const at = this.#take(8)
    return this.#bytes.readInt32BE(at) * 2 ** 32 + this.#bytes.readUInt32BE(at + 4)
  }
  uuid(): string {
    return this.#view(16).toString('hex')
  }

  unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#take(1))
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new WireError('a varint is longer than five bytes')
  }

  string(): string | null {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int16()
    return length < 0 ? null : this.#view(length).toString('utf8')
  }
  /** The client id of a request header keeps the classic form in every version. */
  classicString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#view(length).toString('utf8')
  }
  /** A view, not a copy. */
  bytes(): Buffer | null {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int32()
    return length < 0 ? null : this.#view(length)
  }
  /** -1 for null. No element is shorter than a byte, so a greater count than that is a lie. */
  count(): number {
    const count = this.flexible ? this.unsignedVarint() - 1 : this.int32()
    if (count > this.remaining) throw new WireError(`an array of ${count} elements in ${this.remaining} bytes`)
    return count
  }
  skipTags(): void {
    for (let tags = this.unsignedVarint(); tags > 0; tags -= 1) {
      this.unsignedVarint()
      this.#take(this.unsignedVarint())
    }
  }

  #view(length: number): Buffer {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }
  #take(length: number): number {
    const at = this.#at
    if (at + length > this.#bytes.length) throw new WireError(`${length} bytes wanted, ${this.remaining} are left`)
    this.#at = at + length
    return at
  }
}

const BLOCK_BYTES = 512

/** Writes one frame: its length in front, and stored batches passed on by reference instead of being copied. */
export class WireWriter {
  readonly version: number
  readonly flexible: boolean
  readonly #parts: Buffer[] = []
  readonly #first: Buffer
  #block: Buffer
  #start = 0
  #at = 4

  constructor(form: { version: number; flexible: boolean }) {
    this.version = form.version
    this.flexible = form.flexible
    this.#first = Buffer.allocUnsafe(BLOCK_BYTES)
    this.#block = this.#first
  }

  int8(value: number): void {
    const at = this.#room(1)
    this.#block.writeInt8(value, at)
  }
  int16(value: number): void {
    const at = this.#room(2)
    this.#block.writeInt16BE(value, at)
  }
  int32(value: number): void {
    const at = this.#room(4)
    this.#block.writeInt32BE(value, at)
  }
  int64(value: number): void {
    const at = this.#room(8)
    this.#block.writeInt32BE(Math.floor(value / 2 ** 32), at)
    this.#block.writeUInt32BE(value >>> 0, at + 4)
  }
  uuid(value: string): void {
    const at = this.#room(16)
    this.#block.write(value, at, 16, 'hex')
  }
  unsignedVarint(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      const at = this.#room(1)
      this.#block[at] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    const at = this.#room(1)
    this.#block[at] = rest
  }
  string(value: string | null): void {
    const length = value === null ? -1 : Buffer.byteLength(value)
    if (this.flexible) this.unsignedVarint(length + 1)
    else this.int16(length)
    if (value === null) return
    const at = this.#room(length)
    this.#block.write(value, at, 'utf8')
  }
  bytes(value: Buffer | null): void {
    this.rope(value === null ? null : [value])
  }
  /** Several buffers as one byte string. */
  rope(values: readonly Buffer[] | null): void {
    const length = values === null ? -1 : values.reduce((sum, each) => sum + each.length, 0)
    if (this.flexible) this.unsignedVarint(length + 1)
    else this.int32(length)
    if (values === null || length === 0) return
    this.#cut()
    this.#parts.push(...values)
  }
  count(value: number): void {
    if (this.flexible) this.unsignedVarint(value + 1)
    else this.int32(value)
  }

  /** The frame in pieces, in order. */
  finish(): readonly Buffer[] {
    this.#cut()
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0)
    this.#first.writeInt32BE(length - 4, 0)
    return this.#parts
  }

  #cut(): void {
    if (this.#at > this.#start) this.#parts.push(this.#block.subarray(this.#start, this.#at))
    this.#start = this.#at
  }
  #room(length: number): number {
    if (this.#at + length > this.#block.length) {
      this.#cut()
      this.#block = Buffer.allocUnsafe(Math.max(length, BLOCK_BYTES * 8))
      this.#start = 0
      this.#at = 0
    }
    const at = this.#at
    this.#at = at + length
    return at
  }
}

/**
 * The bytes of a snapshot, little endian:
 *
 *   snapshot = magic u32, version u32, length u32 (of body), checksum u32 (of body), body
 *   body     = what the parts write, in their order: f64, u32, text (u32 length, UTF-16 units), arrays (bytes as they lie)
 */
const MAGIC = 0x44414849 // "IHAD"
const HEADER_BYTES = 16
const littleEndianHost = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

type Numbers = Float64Array | Float32Array | Uint32Array | Uint8Array

export class SnapshotWriter {
  #bytes = new Uint8Array(1 << 16)
  #view = new DataView(this.#bytes.buffer)
  #length = HEADER_BYTES

  #reserve(count: number): number {
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }

  number(value: number): void {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value, true)
  }

  text(value: string): void {
    const at = this.#reserve(4 + value.length * 2)
    this.#view.setUint32(at, value.length, true)
    for (let i = 0; i < value.length; i++) this.#view.setUint16(at + 4 + i * 2, value.charCodeAt(i), true)
  }

  array(values: Numbers): void {
    const at = this.#reserve(values.byteLength)
    this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    if (!littleEndianHost) swap(this.#bytes.subarray(at, this.#length), values.BYTES_PER_ELEMENT)
  }

  /** The finished snapshot, with its header. */
  finish(version: number): Uint8Array {
    const body = this.#bytes.subarray(HEADER_BYTES, this.#length)
    this.#view.setUint32(0, MAGIC, true)
    this.#view.setUint32(4, version, true)
    this.#view.setUint32(8, body.length, true)
    this.#view.setUint32(12, checksum(body), true)
    return this.#bytes.slice(0, this.#length)
  }
}

/** Reads what a SnapshotWriter wrote; a read past the end throws a RangeError. */
export class SnapshotReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = HEADER_BYTES

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** null: not a snapshot of this version, cut short, or damaged. */
  static open(bytes: Uint8Array, version: number): SnapshotReader | null {
    if (bytes.length < HEADER_BYTES) return null
    const reader = new SnapshotReader(bytes)
    const view = reader.#view
    if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== version) return null
    if (view.getUint32(8, true) !== bytes.length - HEADER_BYTES) return null
    if (view.getUint32(12, true) !== checksum(bytes.subarray(HEADER_BYTES))) return null
    return reader
  }

  number(): number {
    const value = this.#view.getFloat64(this.#at, true)
    this.#at += 8
    return value
  }

  text(): string {
    const length = this.#view.getUint32(this.#at, true)
    let value = ''
    for (let i = 0; i < length; i++) value += String.fromCharCode(this.#view.getUint16(this.#at + 4 + i * 2, true))
    this.#at += 4 + length * 2
    return value
  }

  /** Fills `target` from the next bytes. */
  array(target: Numbers): void {
    const end = this.#at + target.byteLength
    if (end > this.#bytes.length) throw new RangeError('the snapshot ends too early')
    const into = new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
    into.set(this.#bytes.subarray(this.#at, end))
    if (!littleEndianHost) swap(into, target.BYTES_PER_ELEMENT)
    this.#at = end
  }
}

function swap(bytes: Uint8Array, size: number): void {
  for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse()
}

/** FNV-1a over bytes: enough to notice damage; PostgreSQL's own checksums guard the disk. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}

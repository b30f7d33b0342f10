/**
 * A detector's state as bytes, little endian. Every part of the detector has one method, `exchange(bytes)`, that names its
 * fields once; whether they are written or read is up to the StateBytes it is given, so the two can't drift apart.
 *
 *   snapshot := magic u32 | format u32 | crc32 of body u32 | body        number := f64        text := length u32, UTF-8
 */
import { crc32 } from 'node:zlib'

export const SNAPSHOT_FORMAT = 11
const MAGIC = 0x64656e67
const HEADER = 12
/** A state grows: room for that. */
const HEADROOM = 1.25
/** A few milliseconds' work, where memory is dear. */
const PREPARED_AT_ONCE = 2 << 20
const LIMIT = 512 * 1024 * 1024

type Numbers = Float64Array | Float32Array | Int32Array | Int16Array | Uint16Array | Uint8Array | Int8Array

export interface StateBytes {
  readonly reading: boolean
  /** Gives back the value that now holds: the given one when writing, the stored one when reading. */
  number(value: number): number
  text(value: string): string
  /** Fills the array when reading. Its length is not stored. */
  numbers(values: Numbers): void
}

export class StateWriter implements StateBytes {
  readonly reading = false
  #buffer: Buffer
  #view: DataView
  #end = HEADER
  /** Of the memory in preparation: where it was not touched yet. */
  #untouched = HEADER

  constructor() {
    this.#buffer = Buffer.allocUnsafeSlow(HEADER)
    this.#view = new DataView(this.#buffer.buffer)
  }

  /**
   * Makes room for about so many bytes, piece by piece: the first touch of fresh memory costs more than all that is written to it later.
   * To be asked again until it answers true.
   */
  prepare(expectedBytes: number): boolean {
    if (this.#buffer.length < expectedBytes) {
      this.#take(HEADER + Math.ceil(expectedBytes * HEADROOM))
      this.#untouched = 0
    }
    const end = Math.min(this.#buffer.length, this.#untouched + PREPARED_AT_ONCE)
    this.#buffer.fill(0, this.#untouched, end)
    this.#untouched = end
    return end === this.#buffer.length
  }

  /** Begins anew, in the same memory where that is large enough. `expectedBytes`: how much it will be, about; more makes it grow. */
  start(expectedBytes: number): void {
    this.#end = HEADER
    if (this.#buffer.length < expectedBytes) this.#take(HEADER + Math.ceil(expectedBytes * HEADROOM))
  }

  number(value: number): number {
    this.#room(8)
    this.#view.setFloat64(this.#end, value, true)
    this.#end += 8
    return value
  }

  text(value: string): string {
    const size = Buffer.byteLength(value)
    this.#room(size + 4)
    this.#buffer.writeUInt32LE(size, this.#end)
    this.#buffer.write(value, this.#end + 4)
    this.#end += size + 4
    return value
  }

  numbers(values: Numbers): void {
    this.#room(values.byteLength)
    this.#buffer.set(bytesOf(values), this.#end)
    this.#end += values.byteLength
  }

  /** The finished bytes; valid until the next start(). */
  finish(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#end)
    bytes.writeUInt32LE(MAGIC, 0)
    bytes.writeUInt32LE(SNAPSHOT_FORMAT, 4)
    bytes.writeUInt32LE(crc32(bytes.subarray(HEADER)), 8)
    return bytes
  }

  #room(size: number): void {
    if (this.#end + size <= this.#buffer.length) return
    const before = this.#buffer.subarray(0, this.#end)
    this.#take(Math.max(this.#buffer.length * 2, this.#end + size))
    this.#buffer.set(before)
  }

  #take(size: number): void {
    this.#buffer = Buffer.allocUnsafeSlow(size)
    this.#view = new DataView(this.#buffer.buffer)
    this.#untouched = size
  }
}

export class StateReader implements StateBytes {
  readonly reading = true
  readonly #buffer: Buffer
  #at = HEADER

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Why these bytes are no snapshot of this format; null when they are. */
  get flaw(): string | null {
    const bytes = this.#buffer
    if (bytes.length < HEADER || bytes.length > LIMIT || bytes.readUInt32LE(0) !== MAGIC) return 'not a snapshot'
    if (bytes.readUInt32LE(4) !== SNAPSHOT_FORMAT) return `format ${bytes.readUInt32LE(4)}, not ${SNAPSHOT_FORMAT}`
    return crc32(bytes.subarray(HEADER)) === bytes.readUInt32LE(8) ? null : 'checksum differs'
  }

  get ended(): boolean {
    return this.#at === this.#buffer.length
  }

  number(): number {
    this.#at += 8
    return this.#buffer.readDoubleLE(this.#at - 8)
  }

  text(): string {
    const size = this.#buffer.readUInt32LE(this.#at)
    this.#at += 4 + size
    if (this.#at > this.#buffer.length) throw new RangeError('the snapshot ends early')
    return this.#buffer.toString('utf8', this.#at - size, this.#at)
  }

  numbers(values: Numbers): void {
    const end = this.#at + values.byteLength
    if (end > this.#buffer.length) throw new RangeError('the snapshot ends early')
    bytesOf(values).set(this.#buffer.subarray(this.#at, end))
    this.#at = end
  }
}

/** What `read` makes of the state, or a sentence on why it can't. */
export function readState<State>(state: Uint8Array, read: (bytes: StateBytes) => State): State | string {
  const bytes = new StateReader(state)
  if (bytes.flaw !== null) return bytes.flaw
  try {
    const found = read(bytes)
    return bytes.ended ? found : 'bytes are left over'
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}

function bytesOf(values: Numbers): Uint8Array {
  return values instanceof Uint8Array ? values : new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

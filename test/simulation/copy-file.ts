/** COPY's binary format, read back: the other side of src/postgres/binary-rows.ts, written apart from it. */

import type { CopyData } from '../../src/postgres/copy-in.ts'

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const HEADER_BYTES = 19
const TWO_32 = 4_294_967_296

/** A copy of what the file holds now. */
export function wholeFile(file: CopyData): Buffer {
  return Buffer.concat(Buffer.isBuffer(file) ? [file] : [...file])
}

/** One row after the other, fields by their place in it. Throws where the file is not what PostgreSQL would take. */
export class CopyFile {
  readonly #file: Buffer
  /** Of the row at hand: where each field begins, and its length, -1 for null. */
  readonly #starts: number[] = []
  readonly #lengths: number[] = []
  #at = HEADER_BYTES

  constructor(file: Buffer) {
    if (SIGNATURE.compare(file, 0, SIGNATURE.length) !== 0) throw new Error('not a COPY file')
    this.#file = file
  }

  /** Goes on to the next row; false behind the last one. */
  next(): boolean {
    const file = this.#file
    const fields = file.readInt16BE(this.#at)
    let at = this.#at + 2
    if (fields === -1) {
      if (at !== file.length) throw new Error('bytes behind the end of a COPY file')
      return false
    }
    for (let i = 0; i < fields; i++) {
      const length = file.readInt32BE(at)
      at += 4
      this.#starts[i] = at
      this.#lengths[i] = length
      if (length > 0) at += length
    }
    if (at > file.length) throw new Error('a field reaches behind the end of a COPY file')
    this.#at = at
    return true
  }

  /** Numbers of a field that is null or not there are -1, texts are empty. */
  int4(field: number): number {
    return this.#has(field) ? this.#file.readInt32BE(this.#starts[field]) : -1
  }

  int8(field: number): number {
    if (!this.#has(field)) return -1
    const at = this.#starts[field] ?? 0
    return this.#file.readInt32BE(at) * TWO_32 + this.#file.readUInt32BE(at + 4)
  }

  float8(field: number): number {
    return this.#has(field) ? this.#file.readDoubleBE(this.#starts[field]) : -1
  }

  text(field: number): string {
    const at = this.#starts[field] ?? 0
    return this.#has(field) ? this.#file.toString('utf8', at, at + (this.#lengths[field] ?? 0)) : ''
  }

  /** The same memory. */
  bytes(field: number): Buffer {
    const at = this.#starts[field] ?? 0
    return this.#file.subarray(at, at + Math.max(0, this.#lengths[field] ?? 0))
  }

  #has(field: number): boolean {
    return (this.#lengths[field] ?? -1) >= 0
  }
}

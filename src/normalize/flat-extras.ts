/** The members of a flat log that nobody asked for: their names, and their JSON text as it lies there. */
import { VerbatimJson } from '../verbatim-json.ts'
import { isSameText, PlainJson } from './plain-json.ts'
import type { TextScan } from './text-scan.ts'

const COLON = 0x3a

export class FlatExtras {
  count = 0
  readonly json = new VerbatimJson()
  /** True as long as `json` is the text that JSON.stringify makes of these members. */
  verbatim = true
  /** How deep their values are nested: 0 where there are no objects or lists. */
  depth = 0
  readonly #plain: PlainJson
  /** Without quotes. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array

  constructor(max: number, scan: TextScan) {
    this.#plain = new PlainJson(scan)
    this.#starts = new Int32Array(max)
    this.#ends = new Int32Array(max)
  }

  clear(): void {
    if (this.count === 0) return
    this.count = 0
    this.json.clear()
    this.verbatim = true
    this.depth = 0
  }

  /** A name that lies at [start, end), its quotes around it. */
  name(bytes: Buffer, start: number, end: number): void {
    if (bytes[end + 1] !== COLON || this.#has(bytes, start, end)) this.verbatim = false
    this.#starts[this.count] = start
    this.#ends[this.count++] = end
    this.json.name(start - 1, end + 2)
  }

  nameOf(bytes: Buffer, extra: number): string {
    return bytes.toString('latin1', this.#starts[extra]!, this.#ends[extra]!)
  }

  /** Its value at [start, end), of no other value inside. */
  value(at: { readonly start: number; readonly end: number; readonly verbatim: boolean }): void {
    if (!at.verbatim) this.verbatim = false
    this.json.value(at.start, at.end)
  }

  /** Its value is the object or list that begins there. Where it ends; -1: it can't be left as it is. */
  nested(bytes: Buffer, view: DataView, start: number): number {
    const end = this.#plain.endOf(bytes, view, start)
    if (end < 0) return -1
    this.depth = Math.max(this.depth, this.#plain.depth)
    this.json.value(start, end)
    return end
  }

  #has(bytes: Buffer, start: number, end: number): boolean {
    for (let extra = 0; extra < this.count; extra++) {
      if (isSameText(bytes, { start, end }, { start: this.#starts[extra]!, end: this.#ends[extra]! })) return true
    }
    return false
  }
}

/**
 * The templates of one service: counts, their own latency, how new they are. Bounded; the rarest makes room for a new one. A service
 * that uses all of its templates again and again may have more, from a budget that all services share.
 */
import type { StateBytes } from './state-bytes.ts'

/** Of an ordinary service, and of one that has a share of the budget. */
export const TEMPLATES_MAX = 64
const RICH_TEMPLATES_MAX = 512
/** Logs of late, decayed, that make even the rarest template worth keeping. */
const WORTH_KEEPING = 2
/** Templates beyond TEMPLATES_MAX, over all services: 2.4 MB. */
const SHARED_TEMPLATES = 32_768

/** What all services together have: neither number is part of the state. */
export class TemplateBudget {
  /** Of the templates that services may have beyond their own. Follows from the stores. */
  left = SHARED_TEMPLATES
  /** Templates that made room for new ones, since this object was made. */
  forgotten = 0
}
/** Columns of a slot. */
export const COUNT = 0
export const LAST_BLOCK = 1
export const BLOCKS = 2
/** Surprise at first sight. */
export const NOVELTY = 3
export const LATENCY_WEIGHT = 4
export const LATENCY_MEAN = 5
export const LATENCY_VARIANCE = 6
/** Logs of the last minute or so, decayed, and when that was brought up to date (seconds). */
export const BURST = 7
export const BURST_AT = 8
/** The same over five minutes. */
export const LONG_BURST = 9
const COLUMNS = 10

export class TemplateStore {
  /** Slot s has its columns at s * COLUMNS. */
  values = new Float64Array(8 * COLUMNS)
  #ids = new Int32Array(8)
  #size = 0
  readonly #slots = new Map<number, number>()
  readonly #budget: TemplateBudget

  constructor(budget: TemplateBudget) {
    this.#budget = budget
  }

  get size(): number {
    return this.#size
  }

  /** Where the template's columns begin, or -1. */
  find(id: number): number {
    const slot = this.#slots.get(id)
    return slot === undefined ? -1 : slot * COLUMNS
  }

  /** Where the new template's columns begin, all zero. */
  add(id: number): number {
    const slot = this.#place()
    this.#ids[slot] = id
    this.#slots.set(id, slot)
    this.values.fill(0, slot * COLUMNS, (slot + 1) * COLUMNS)
    return slot * COLUMNS
  }

  /** Gives back what it took from the budget; of no use afterwards. */
  release(): void {
    this.#budget.left += Math.max(0, this.#ids.length - TEMPLATES_MAX)
  }

  decay(factor: number): void {
    for (let at = 0; at < this.#size * COLUMNS; at += COLUMNS) {
      this.values[at + COUNT]! *= factor
      this.values[at + LATENCY_WEIGHT]! *= factor
    }
  }

  exchange(bytes: StateBytes): void {
    const size = bytes.number(this.#size)
    const capacity = bytes.number(this.#ids.length)
    if (bytes.reading) {
      if (!(capacity <= RICH_TEMPLATES_MAX && size <= capacity && capacity >= 8))
        throw new RangeError('templates out of bounds')
      this.#size = size
      this.#budget.left -= Math.max(0, capacity - TEMPLATES_MAX)
      this.#ids = new Int32Array(capacity)
      this.values = new Float64Array(capacity * COLUMNS)
    }
    bytes.numbers(this.#ids)
    bytes.numbers(this.values)
    if (bytes.reading) for (let slot = 0; slot < size; slot++) this.#slots.set(this.#ids[slot]!, slot)
  }

  /** A free slot, or that of the rarest template. */
  #place(): number {
    const capacity = this.#ids.length
    if (this.#size < capacity || capacity < TEMPLATES_MAX) return this.#append()
    const rarest = this.#rarest()
    if (this.values[rarest * COLUMNS + COUNT]! >= WORTH_KEEPING && this.#mayGrow()) return this.#append()
    this.#slots.delete(this.#ids[rarest]!)
    this.#budget.forgotten++
    return rarest
  }

  /** Takes from the budget what doubling needs. */
  #mayGrow(): boolean {
    const more = this.#ids.length
    if (2 * more > RICH_TEMPLATES_MAX || more > this.#budget.left) return false
    this.#budget.left -= more
    return true
  }

  #append(): number {
    if (this.#size === this.#ids.length) {
      const ids = new Int32Array(this.#size * 2)
      const values = new Float64Array(this.#size * 2 * COLUMNS)
      ids.set(this.#ids)
      values.set(this.values)
      this.#ids = ids
      this.values = values
    }
    return this.#size++
  }

  #rarest(): number {
    let rarest = 0
    for (let slot = 1; slot < this.#size; slot++) {
      if (this.values[slot * COLUMNS + COUNT]! < this.values[rarest * COLUMNS + COUNT]!) rarest = slot
    }
    return rarest
  }
}

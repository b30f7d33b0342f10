/**
 * The templates of one service: counts, their own latency, how new they are. Bounded; the rarest makes room for a new one. A service
 * that uses all of its templates again and again may have more, from a budget that all services share.
 */
import type { StateBytes } from './state-bytes.ts'

/** Of an ordinary service, and of one that has a share of the budget. */
export const TEMPLATES_MAX = 64
const RICH_TEMPLATES_MAX = 512
const FIRST_CAPACITY = 8
/** Logs of late, decayed, that make even the rarest template worth keeping. */
const WORTH_KEEPING = 2
/** Templates beyond TEMPLATES_MAX, over all services: 2.9 MB. */
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
const ID = 10
const COLUMNS = 11

export class TemplateStore {
  /** Slot s has its columns at s * COLUMNS. */
  values = new Float64Array(FIRST_CAPACITY * COLUMNS)
  #capacity = FIRST_CAPACITY
  #size = 0
  readonly #slots = new Map<number, number>()
  readonly #budget: TemplateBudget

  constructor(budget: TemplateBudget) {
    this.#budget = budget
  }

  get size(): number {
    return this.#size
  }

  /** In a snapshot. */
  get bytes(): number {
    return 8 * (2 + this.#size * COLUMNS)
  }

  /** Where the template's columns begin, or -1. */
  find(id: number): number {
    const slot = this.#slots.get(id)
    return slot === undefined ? -1 : slot * COLUMNS
  }

  /** Where the new template's columns begin, all zero. */
  add(id: number): number {
    const slot = this.#place()
    this.#slots.set(id, slot)
    this.values.fill(0, slot * COLUMNS, slot * COLUMNS + ID)
    this.values[slot * COLUMNS + ID] = id
    return slot * COLUMNS
  }

  /** Gives back what it took from the budget; of no use afterwards. */
  release(): void {
    this.#budget.left += Math.max(0, this.#capacity - TEMPLATES_MAX)
  }

  decay(factor: number): void {
    for (let at = 0; at < this.#size * COLUMNS; at += COLUMNS) {
      this.values[at + COUNT]! *= factor
      this.values[at + LATENCY_WEIGHT]! *= factor
    }
  }

  exchange(bytes: StateBytes): void {
    const size = bytes.number(this.#size)
    const capacity = bytes.number(this.#capacity)
    if (bytes.reading) {
      if (!(capacity <= RICH_TEMPLATES_MAX && size <= capacity && capacity >= FIRST_CAPACITY))
        throw new RangeError('templates out of bounds')
      this.#size = size
      this.#budget.left -= Math.max(0, capacity - TEMPLATES_MAX)
      this.#capacity = capacity
      this.values = new Float64Array(capacity * COLUMNS)
    }
    bytes.numbers(this.values.subarray(0, size * COLUMNS))
    if (bytes.reading) for (let slot = 0; slot < size; slot++) this.#slots.set(this.values[slot * COLUMNS + ID]!, slot)
  }

  /** A free slot, or that of the rarest template. */
  #place(): number {
    const capacity = this.#capacity
    if (this.#size < capacity || capacity < TEMPLATES_MAX) return this.#append()
    const rarest = this.#rarest()
    if (this.values[rarest * COLUMNS + COUNT]! >= WORTH_KEEPING && this.#mayGrow()) return this.#append()
    this.#slots.delete(this.values[rarest * COLUMNS + ID]!)
    this.#budget.forgotten++
    return rarest
  }

  /** Takes from the budget what doubling needs. */
  #mayGrow(): boolean {
    const more = this.#capacity
    if (2 * more > RICH_TEMPLATES_MAX || more > this.#budget.left) return false
    this.#budget.left -= more
    return true
  }

  #append(): number {
    if (this.#size === this.#capacity) {
      this.#capacity += this.#capacity < TEMPLATES_MAX ? FIRST_CAPACITY : this.#capacity
      const values = new Float64Array(this.#capacity * COLUMNS)
      values.set(this.values)
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

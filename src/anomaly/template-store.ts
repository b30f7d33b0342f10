/**
 * The templates of one service: counts, their own latency, how new they are. Bounded; the rarest makes room for a new one. A service
 * that uses all of its templates again and again may have more, from a budget that all services share.
 */
import type { StateBytes } from './state-bytes.ts'

/** Of an ordinary service, and of one that has a share of the budget. */
export const TEMPLATES_MAX = 64
const RICH_TEMPLATES_MAX = 512
const FIRST_CAPACITY = 4
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
  values: Float64Array
  /** Slots by the hash of their id, plus 1; 0: none. Open addressing with linear probing, at most half full: a Map weighs a kilobyte. */
  #index: Int16Array
  #capacity: number
  #size = 0
  readonly #budget: TemplateBudget

  constructor(budget: TemplateBudget) {
    this.#budget = budget
    this.#capacity = FIRST_CAPACITY
    ;[this.values, this.#index] = memoryFor(FIRST_CAPACITY)
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
    const place = this.#placeOf(id)
    return place < 0 ? -1 : (this.#index[place]! - 1) * COLUMNS
  }

  /** Where the new template's columns begin, all zero. */
  add(id: number): number {
    const slot = this.#slot()
    this.values.fill(0, slot * COLUMNS, slot * COLUMNS + ID)
    this.values[slot * COLUMNS + ID] = id
    this.#note(slot)
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
      ;[this.values, this.#index] = memoryFor(capacity)
    }
    bytes.numbers(this.values.subarray(0, size * COLUMNS))
    if (bytes.reading) for (let slot = 0; slot < size; slot++) this.#note(slot)
  }

  /** A free slot, or that of the rarest template. */
  #slot(): number {
    const capacity = this.#capacity
    if (this.#size < capacity || capacity < TEMPLATES_MAX) return this.#append()
    const rarest = this.#rarest()
    if (this.values[rarest * COLUMNS + COUNT]! >= WORTH_KEEPING && this.#mayGrow()) return this.#append()
    this.#forget(rarest)
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
      const before = this.values
      ;[this.values, this.#index] = memoryFor(this.#capacity)
      this.values.set(before)
      for (let slot = 0; slot < this.#size; slot++) this.#note(slot)
    }
    return this.#size++
  }

  /** The id's place in the index, or -1. */
  #placeOf(id: number): number {
    const mask = this.#index.length - 1
    for (let place = home(id, mask); ; place = (place + 1) & mask) {
      const slot = this.#index[place]! - 1
      if (slot < 0) return -1
      if (this.values[slot * COLUMNS + ID] === id) return place
    }
  }

  #note(slot: number): void {
    const mask = this.#index.length - 1
    let place = home(this.values[slot * COLUMNS + ID]!, mask)
    while (this.#index[place] !== 0) place = (place + 1) & mask
    this.#index[place] = slot + 1
  }

  /** Closes the gap that the slot leaves in the index, so that those behind it are found still (Knuth 6.4, algorithm R). */
  #forget(slot: number): void {
    const index = this.#index
    const mask = index.length - 1
    let gap = this.#placeOf(this.values[slot * COLUMNS + ID]!)
    for (let place = (gap + 1) & mask; index[place] !== 0; place = (place + 1) & mask) {
      const wanted = home(this.values[(index[place]! - 1) * COLUMNS + ID]!, mask)
      if (((place - wanted) & mask) < ((place - gap) & mask)) continue
      index[gap] = index[place]!
      gap = place
    }
    index[gap] = 0
  }

  #rarest(): number {
    let rarest = 0
    for (let slot = 1; slot < this.#size; slot++) {
      if (this.values[slot * COLUMNS + COUNT]! < this.values[rarest * COLUMNS + COUNT]!) rarest = slot
    }
    return rarest
  }
}

/** Columns and index of so many slots, in one piece. */
function memoryFor(capacity: number): [Float64Array, Int16Array] {
  const columns = capacity * COLUMNS
  const places = 2 ** Math.ceil(Math.log2(2 * capacity))
  const memory = new ArrayBuffer(columns * 8 + places * 2)
  return [new Float64Array(memory, 0, columns), new Int16Array(memory, columns * 8, places)]
}

/** Where an id's search begins; multiplicative hashing. */
function home(id: number, mask: number): number {
  return (Math.imul(id, 0x9e3779b1) >>> 16) & mask
}

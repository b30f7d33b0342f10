/**
 * Hashes of masked messages and the templates they belong to. Two generations of open addressing: when the young one is half full it
 * becomes the old one and the old one is forgotten, so that hashes in use stay and those of a flood don't.
 */
import type { StateBytes } from './state-bytes.ts'

const NONE = -1

export class VariantTable {
  #young: Generation
  #old: Generation
  /** Of the entry found last. */
  foundId = 0

  /** `capacity`: entries kept at most, a power of two. */
  constructor(capacity: number) {
    if (!(Number.isInteger(Math.log2(capacity)) && capacity >= 4)) throw new RangeError(`capacity is ${capacity}`)
    this.#young = new Generation(capacity)
    this.#old = new Generation(capacity)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The slot, or -1; an entry found in the old generation moves to the young one. */
  find(hash: number): number {
    let slot = this.#in(this.#young, hash)
    if (slot !== NONE) return slot
    slot = this.#in(this.#old, hash)
    if (slot !== NONE) this.add(hash, slot, this.foundId)
    return slot
  }

  /** As find, but changes nothing. */
  peek(hash: number): number {
    const slot = this.#in(this.#young, hash)
    return slot === NONE ? this.#in(this.#old, hash) : slot
  }

  add(hash: number, slot: number, id: number): void {
    if (this.#young.isFull) {
      const emptied = this.#old
      this.#old = this.#young
      this.#young = emptied
      emptied.clear()
    }
    this.#young.put(hash, slot, id)
  }

  #in(generation: Generation, hash: number): number {
    const place = generation.find(hash)
    if (place < 0) return NONE
    this.foundId = generation.ids[place]!
    return generation.slots[place]!
  }

  exchange(bytes: StateBytes): void {
    this.#young.exchange(bytes)
    this.#old.exchange(bytes)
  }
}

/** Places at first. A partition that has few kinds of messages has few hashes, and a worker may have hundreds of partitions. */
const FIRST_CAPACITY = 256

/** Open addressing with linear probing, at most half full: doubled until it holds half of `capacityMax`. */
class Generation {
  readonly #capacityMax: number
  #hashes = new Int32Array(0)
  slots = new Int32Array(0)
  ids = new Int32Array(0)
  size = 0

  constructor(capacityMax: number) {
    this.#capacityMax = capacityMax
    this.#take(this.#capacityFor(0))
  }

  get isFull(): boolean {
    return this.size * 2 >= this.#capacityMax
  }

  /** The entry's place; where it would go, as -1 - place, when there is none. */
  find(hash: number): number {
    const mask = this.slots.length - 1
    let place = hash & mask
    while (this.slots[place] !== NONE) {
      if (this.#hashes[place] === hash) return place
      place = (place + 1) & mask
    }
    return -1 - place
  }

  put(hash: number, slot: number, id: number): void {
    let place = this.find(hash)
    if (place < 0) {
      if (this.#capacityFor(this.size + 1) > this.slots.length) {
        this.#grow()
        place = this.find(hash)
      }
      place = -1 - place
      this.size++
    }
    this.#hashes[place] = hash
    this.slots[place] = slot
    this.ids[place] = id
  }

  /** The memory of many entries is given back: few may follow. */
  clear(): void {
    this.#take(this.#capacityFor(0))
    this.size = 0
  }

  /** A power of two, from the number of entries alone: a restored table has the one that was written. */
  #capacityFor(size: number): number {
    let capacity = Math.min(FIRST_CAPACITY, this.#capacityMax)
    while (size * 2 > capacity) capacity *= 2
    return capacity
  }

  #take(capacity: number): void {
    if (capacity === this.slots.length) {
      this.slots.fill(NONE)
      return
    }
    this.#hashes = new Int32Array(capacity)
    this.slots = new Int32Array(capacity).fill(NONE)
    this.ids = new Int32Array(capacity)
  }

  #grow(): void {
    const [hashes, slots, ids] = [this.#hashes, this.slots, this.ids]
    this.#take(2 * slots.length)
    for (let from = 0; from < slots.length; from++) {
      if (slots[from] === NONE) continue
      const place = -1 - this.find(hashes[from]!)
      this.#hashes[place] = hashes[from]!
      this.slots[place] = slots[from]!
      this.ids[place] = ids[from]!
    }
  }

  /** Entries in the order of their places, which is what putting them again in that order may change: so places are kept too. */
  exchange(bytes: StateBytes): void {
    const size = bytes.number(this.size)
    if (!(size * 2 <= this.#capacityMax)) throw new RangeError('variants out of bounds')
    const entries = new Int32Array(size * 4)
    if (!bytes.reading) this.#write(entries)
    bytes.numbers(entries)
    if (bytes.reading) this.#read(entries)
  }

  #write(entries: Int32Array): void {
    let at = 0
    for (let place = 0; place < this.slots.length; place++) {
      if (this.slots[place] === NONE) continue
      entries[at++] = place
      entries[at++] = this.#hashes[place]!
      entries[at++] = this.slots[place]!
      entries[at++] = this.ids[place]!
    }
  }

  #read(entries: Int32Array): void {
    this.size = entries.length / 4
    this.#take(this.#capacityFor(this.size))
    for (let at = 0; at < entries.length; at += 4) {
      const place = entries[at]!
      if (!(place >= 0 && place < this.slots.length)) throw new RangeError('variant out of bounds')
      this.#hashes[place] = entries[at + 1]!
      this.slots[place] = entries[at + 2]!
      this.ids[place] = entries[at + 3]!
    }
  }
}

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

/** Open addressing with linear probing, at most half full. */
class Generation {
  readonly #capacity: number
  readonly #hashes: Int32Array
  readonly slots: Int32Array
  readonly ids: Int32Array
  size = 0

  constructor(capacity: number) {
    this.#capacity = capacity
    this.#hashes = new Int32Array(capacity)
    this.slots = new Int32Array(capacity).fill(NONE)
    this.ids = new Int32Array(capacity)
  }

  get isFull(): boolean {
    return this.size * 2 >= this.#capacity
  }

  /** The entry's place; where it would go, as -1 - place, when there is none. */
  find(hash: number): number {
    const mask = this.#capacity - 1
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
      place = -1 - place
      this.size++
    }
    this.#hashes[place] = hash
    this.slots[place] = slot
    this.ids[place] = id
  }

  clear(): void {
    this.slots.fill(NONE)
    this.size = 0
  }

  /** Entries in the order of their places, which is what putting them again in that order may change: so places are kept too. */
  exchange(bytes: StateBytes): void {
    const size = bytes.number(this.size)
    if (!(size * 2 <= this.#capacity)) throw new RangeError('variants out of bounds')
    const entries = new Int32Array(size * 4)
    if (!bytes.reading) this.#write(entries)
    bytes.numbers(entries)
    if (bytes.reading) this.#read(entries)
  }

  #write(entries: Int32Array): void {
    let at = 0
    for (let place = 0; place < this.#capacity; place++) {
      if (this.slots[place] === NONE) continue
      entries[at++] = place
      entries[at++] = this.#hashes[place]!
      entries[at++] = this.slots[place]!
      entries[at++] = this.ids[place]!
    }
  }

  #read(entries: Int32Array): void {
    this.clear()
    this.size = entries.length / 4
    for (let at = 0; at < entries.length; at += 4) {
      const place = entries[at]!
      if (!(place >= 0 && place < this.#capacity)) throw new RangeError('variant out of bounds')
      this.#hashes[place] = entries[at + 1]!
      this.slots[place] = entries[at + 2]!
      this.ids[place] = entries[at + 3]!
    }
  }
}

/**
 * What kind of message is it? Tokens with a digit are variables; the hash of the others, in order, is the template. No string
 * is made. A service keeps a bounded number of templates, each with its counts and its own latency.
 */
import type { SnapshotReader, SnapshotWriter } from './snapshot-bytes.ts'

const MESSAGE_CHARS_MAX = 512
const VARIABLE = 0x2a2a2a2a

/** An int32 that is equal for messages of the same template. */
export function templateHash(message: string): number {
  const length = message.length < MESSAGE_CHARS_MAX ? message.length : MESSAGE_CHARS_MAX
  let hash = 0x811c9dc5 | 0
  let token = 0
  let inToken = false
  let digit = false
  let previousVariable = false
  for (let i = 0; i <= length; i++) {
    const unit = i < length ? message.charCodeAt(i) : 32
    if (isDelimiter(unit)) {
      if (inToken) {
        if (!digit || !previousVariable) hash = Math.imul(hash ^ (digit ? VARIABLE : token), 0x01000193) ^ (hash >>> 15)
        previousVariable = digit
        inToken = false
        digit = false
        token = 0
      }
    } else {
      inToken = true
      if (unit >= 48 && unit <= 57) digit = true
      token = (Math.imul(token, 31) + unit) | 0
    }
  }
  return hash | 0
}

/** Blank and ASCII punctuation but - . _ which hold names and numbers together. */
function isDelimiter(unit: number): boolean {
  if (unit <= 44) return true
  if (unit >= 58 && unit <= 64) return true
  return unit === 47 || (unit >= 91 && unit <= 94) || unit === 96 || (unit >= 123 && unit <= 126)
}

/** The numbers of one template. Counts decay with the service's; latency is that of ln(ms + 0.05). */
export const SLOT = {
  count: 0,
  weight: 1,
  mean: 2,
  variance: 3,
  blocks: 4,
  lastBlock: 5,
  recent: 6,
  recentAt: 7,
} as const
const SLOT_NUMBERS = 8
const SLOTS_FIRST = 8

export const TEMPLATES_MAX = 64

export class TemplateStore {
  numbers = new Float64Array(SLOTS_FIRST * SLOT_NUMBERS)
  size = 0
  #hashes: number[] = []
  #slotOf = new Map<number, number>()

  /** Where the template's numbers begin, or -1. */
  find(hash: number): number {
    const slot = this.#slotOf.get(hash)
    return slot === undefined ? -1 : slot * SLOT_NUMBERS
  }

  /** A cleared place for a new template; the least counted one gives way when all are taken. */
  admit(hash: number): number {
    let slot = this.size
    if (slot < TEMPLATES_MAX) {
      this.size++
      this.#grow()
      this.#hashes.push(hash)
    } else {
      slot = this.#leastCounted()
      this.#slotOf.delete(this.#hashes[slot]!)
      this.#hashes[slot] = hash
    }
    this.#slotOf.set(hash, slot)
    const at = slot * SLOT_NUMBERS
    this.numbers.fill(0, at, at + SLOT_NUMBERS)
    return at
  }

  #grow(): void {
    if (this.size * SLOT_NUMBERS <= this.numbers.length) return
    const grown = new Float64Array(Math.min(TEMPLATES_MAX * SLOT_NUMBERS, this.numbers.length * 2))
    grown.set(this.numbers)
    this.numbers = grown
  }

  #leastCounted(): number {
    let least = 0
    for (let slot = 1; slot < this.size; slot++) {
      if (this.numbers[slot * SLOT_NUMBERS]! < this.numbers[least * SLOT_NUMBERS]!) least = slot
    }
    return least
  }

  /** Every count and weight fades by the factor. */
  decay(factor: number): void {
    for (let at = 0; at < this.size * SLOT_NUMBERS; at += SLOT_NUMBERS) {
      this.numbers[at + SLOT.count]! *= factor
      this.numbers[at + SLOT.weight]! *= factor
    }
  }

  save(writer: SnapshotWriter): void {
    writer.number(this.size)
    for (const hash of this.#hashes) writer.number(hash)
    writer.array(this.numbers.subarray(0, this.size * SLOT_NUMBERS))
  }

  load(reader: SnapshotReader): void {
    const size = reader.number()
    if (!(size >= 0 && size <= TEMPLATES_MAX)) throw new RangeError('more templates than a service may have')
    for (let slot = 0; slot < size; slot++) this.admit(reader.number())
    reader.array(this.numbers.subarray(0, size * SLOT_NUMBERS))
  }
}

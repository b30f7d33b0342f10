/**
 * Which messages are of one kind? Masked tokens (message-template.ts) that were seen before are found by their hash. New ones are
 * compared with the templates that have as many tokens and begin alike (a tree of fixed depth: Drain, He, Zhu, Zheng and Lyu 2017);
 * where at least 88 % of the tokens agree the message is of that kind, and the tokens that differ become variables.
 *
 * A template's id is the hash of the message that founded it, and stays. Everything is bounded: templates that were not seen
 * lately make room for new ones, and so do the hashes. What it is bad at: lists of changing length, and variables that are
 * words in short messages; each gives a template of its own.
 */
import { MessageTokens, TOKENS_MAX, templateText, VARIABLE } from './message-template.ts'
import type { StateBytes } from './state-bytes.ts'
import { VariantTable } from './variant-table.ts'

export interface MinerLimits {
  /** Templates kept. */
  readonly templatesMax: number
  /** Hashes of masked messages kept; a power of two. */
  readonly variantsMax: number
}

const LIMITS: MinerLimits = { templatesMax: 8192, variantsMax: 16_384 }
/** Tokens that agree, as a fraction: enough for two messages of one kind. */
const ALIKE = { agreeing: 22, of: 25 }
/** Leading tokens that must be the same. */
const LEADING = 2
/** Templates that one new message is compared with, the youngest first. */
const COMPARED_MAX = 32
/** Steps of the clock's hand in search of a template that was not seen lately. */
const HAND_STEPS_MAX = 64
const FIRST_TEMPLATES = 64
const NONE = -1

function longer<Column extends Int32Array | Uint8Array>(column: Column, into: Column): Column {
  into.set(column)
  return into
}

export class TemplateMiner {
  readonly #limits: MinerLimits
  readonly #message = new MessageTokens()
  readonly #variants: VariantTable
  /** By slot: the template's id, its tokens, whether it was seen again since the hand passed, and the next of its branch. */
  #ids = new Int32Array(0)
  #tokens: Int32Array[] = []
  #seen = new Uint8Array(0)
  #next = new Int32Array(0)
  /** The one before it in its branch, or NONE: a flood makes one branch of all templates. Follows from #next; not part of the state. */
  #previous = new Int32Array(0)
  #hand = 0
  /** First slot of each branch of the tree. */
  readonly #branches = new Map<number, number>()

  constructor(limits: MinerLimits = LIMITS) {
    this.#limits = limits
    this.#variants = new VariantTable(limits.variantsMax)
  }

  /** Templates known now. */
  get size(): number {
    return this.#tokens.length
  }

  /** The id of the message's template; learns it. Allocates only for a template that is longer or shorter than the one it replaces. */
  idOf(message: string): number {
    this.#message.read(message)
    return this.#idOfTokens()
  }

  /** The same of a message that lies at `at` of some bytes, in ASCII. */
  idOfAscii(bytes: Uint8Array, at: number, length: number): number {
    this.#message.readAscii(bytes, at, length)
    return this.#idOfTokens()
  }

  /** The same of one that lies there as JSON has it, with escapes or in UTF-8. */
  idOfJson(bytes: Uint8Array, at: number, length: number): number {
    this.#message.readJson(bytes, at, length)
    return this.#idOfTokens()
  }

  #idOfTokens(): number {
    const tokens = this.#message
    const known = this.#variants.find(tokens.hash)
    // The slot may have passed to another template since.
    if (known !== NONE && this.#ids[known] === this.#variants.foundId) {
      this.#seen[known] = 1
      return this.#variants.foundId
    }
    return this.#assign()
  }

  /** The message's template as people read it. Learns nothing; a message that is not known is masked only. */
  textOf(message: string, lengthMax: number): string {
    this.#message.read(message)
    const slot = this.#variants.peek(this.#message.hash)
    const tokens = slot !== NONE && this.#ids[slot] === this.#variants.foundId ? this.#tokens[slot] : undefined
    return templateText(message, lengthMax, (place) => tokens?.[place] === VARIABLE)
  }

  exchange(bytes: StateBytes): void {
    this.#variants.exchange(bytes)
    this.#hand = bytes.number(this.#hand)
    const size = bytes.number(this.size)
    if (!(size <= this.#limits.templatesMax)) throw new RangeError('templates out of bounds')
    this.#room(size)
    this.#exchangeTokens(bytes, size)
    for (const column of [this.#ids, this.#seen, this.#next]) bytes.numbers(column.subarray(0, size))
    this.#exchangeBranches(bytes)
    if (bytes.reading) this.#linkBack(size)
  }

  /** How many tokens each template has, then the tokens of all. */
  #exchangeTokens(bytes: StateBytes, size: number): void {
    const counts = new Uint8Array(size)
    for (let slot = 0; slot < size; slot++) counts[slot] = this.#tokens[slot]?.length ?? 0
    bytes.numbers(counts)
    let total = 0
    for (const count of counts) total += count
    const tokens = new Int32Array(total)
    let at = 0
    if (!bytes.reading) for (const each of this.#tokens) for (let i = 0; i < each.length; i++) tokens[at++] = each[i]!
    bytes.numbers(tokens)
    if (!bytes.reading) return
    for (const count of counts) {
      if (count > TOKENS_MAX) throw new RangeError('template out of bounds')
      this.#tokens.push(tokens.slice(at, at + count))
      at += count
    }
  }

  #linkBack(size: number): void {
    this.#previous.fill(NONE)
    for (let slot = 0; slot < size; slot++) {
      const after = this.#next[slot]!
      if (after === NONE) continue
      if (!(after >= 0 && after < size)) throw new RangeError('template out of bounds')
      this.#previous[after] = slot
    }
  }

  #exchangeBranches(bytes: StateBytes): void {
    const size = bytes.number(this.#branches.size)
    if (!(size <= this.size)) throw new RangeError('branches out of bounds')
    const entries = new Int32Array(2 * size)
    let at = 0
    if (!bytes.reading) {
      for (const [branch, slot] of this.#branches) {
        entries[at++] = branch
        entries[at++] = slot
      }
    }
    bytes.numbers(entries)
    if (!bytes.reading) return
    while (at < entries.length) {
      const branch = entries[at++]!
      const slot = entries[at++]!
      if (!(slot >= 0 && slot < this.size)) throw new RangeError('branch out of bounds')
      this.#branches.set(branch, slot)
    }
  }

  /** Finds or makes the template of the message read last. */
  #assign(): number {
    const { hash, count } = this.#message
    const branch = this.#branchOf(this.#message.hashes, count)
    let slot = this.#mostAlike(branch)
    if (slot === NONE) slot = this.#found(branch)
    else {
      this.#generalize(slot)
      this.#seen[slot] = 1
    }
    const id = this.#ids[slot]!
    this.#variants.add(hash, slot, id)
    return id
  }

  #branchOf(hashes: Int32Array, count: number): number {
    let branch = count
    for (let i = 0; i < LEADING && i < count; i++) branch = Math.imul(branch ^ hashes[i]!, 0x9e3779b1 | 0)
    return branch
  }

  #mostAlike(branch: number): number {
    const { hashes, count, hash } = this.#message
    let best = NONE
    const needed = Math.ceil((count * ALIKE.agreeing) / ALIKE.of)
    let bestAgreeing = needed - 1
    let bestVariables = -1
    let slot = this.#branches.get(branch) ?? NONE
    for (let compared = 0; slot !== NONE && compared < COMPARED_MAX; compared++, slot = this.#next[slot]!) {
      if (this.#ids[slot] === hash) return slot
      // Short messages are alike in all of their tokens or not at all, and those that are have the same hash.
      if (needed === count) continue
      const tokens = this.#tokens[slot]!
      if (tokens.length !== count) continue
      const differingMax = count - bestAgreeing
      let differing = 0
      let variables = 0
      // Most differ soon.
      for (let i = 0; i < count && differing <= differingMax; i++) {
        if (tokens[i] !== hashes[i]) differing++
        if (tokens[i] === VARIABLE) variables++
      }
      const agreeing = count - differing
      if (agreeing < bestAgreeing || (agreeing === bestAgreeing && variables <= bestVariables)) continue
      if (agreeing * ALIKE.of < count * ALIKE.agreeing) continue
      best = slot
      bestAgreeing = agreeing
      bestVariables = variables
    }
    return best
  }

  /** Tokens in which the message differs become variables, but for the leading ones: they name the branch. */
  #generalize(slot: number): void {
    const tokens = this.#tokens[slot]!
    for (let i = LEADING; i < tokens.length; i++) if (tokens[i] !== this.#message.hashes[i]) tokens[i] = VARIABLE
  }

  /** A new template, first of its branch. */
  #found(branch: number): number {
    const { hashes, count, hash } = this.#message
    const slot = this.size < this.#limits.templatesMax ? this.size : this.#evict()
    this.#room(slot + 1)
    const room = this.#tokens[slot]
    // A flood's templates are as long as each other: the evicted one's array is written over.
    if (room?.length === count) for (let i = 0; i < count; i++) room[i] = hashes[i]!
    else this.#tokens[slot] = hashes.slice(0, count)
    this.#ids[slot] = hash
    this.#seen[slot] = 0
    const after = this.#branches.get(branch) ?? NONE
    this.#next[slot] = after
    this.#previous[slot] = NONE
    if (after !== NONE) this.#previous[after] = slot
    this.#branches.set(branch, slot)
    return slot
  }

  /** Columns for so many templates, doubled: most partitions have few kinds of messages, and a worker may have hundreds of them. */
  #room(size: number): void {
    if (size <= this.#ids.length) return
    const length = Math.min(this.#limits.templatesMax, Math.max(size, FIRST_TEMPLATES, 2 * this.#ids.length))
    this.#ids = longer(this.#ids, new Int32Array(length))
    this.#seen = longer(this.#seen, new Uint8Array(length))
    this.#next = longer(this.#next, new Int32Array(length))
    this.#previous = longer(this.#previous, new Int32Array(length).fill(NONE))
  }

  /** Frees the slot of a template that was not seen again since the hand passed it last (clock algorithm, Corbato 1968). */
  #evict(): number {
    let slot = this.#hand
    for (let steps = 0; steps < HAND_STEPS_MAX && this.#seen[slot] === 1; steps++) {
      this.#seen[slot] = 0
      slot = (slot + 1) % this.#limits.templatesMax
    }
    this.#hand = (slot + 1) % this.#limits.templatesMax
    this.#unlink(slot)
    return slot
  }

  #unlink(slot: number): void {
    const after = this.#next[slot]!
    const before = this.#previous[slot]!
    if (after !== NONE) this.#previous[after] = before
    if (before !== NONE) {
      this.#next[before] = after
      return
    }
    const tokens = this.#tokens[slot]!
    const branch = this.#branchOf(tokens, tokens.length)
    if (after === NONE) this.#branches.delete(branch)
    else this.#branches.set(branch, after)
  }
}

/**
 * How often has this name been asked for lately? Counts in four rows of one hash table each, the least of which counts (count-min
 * sketch, Cormode and Muthukrishnan 2005); all are halved now and then, so that it is "lately" (TinyLFU, Einziger et al. 2017).
 */
import type { StateBytes } from './state-bytes.ts'

const ROWS = 4
const COLUMNS = 4096
const MULTIPLIERS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f]
/** With so many between two halvings, chance alone rarely makes a name seem to come more than a few times. */
const HALVED_EVERY = 4 * COLUMNS

/** What a sketch that was never asked writes. */
const NO_COUNTS = new Uint16Array(ROWS * COLUMNS)

export class FrequencySketch {
  /** Made at the first name: most partitions never have more services than places. */
  #counts: Uint16Array | null = null
  #untilHalved = HALVED_EVERY

  /** Counts the name once more; gives about how often it came lately. */
  add(name: string): number {
    this.#counts ??= new Uint16Array(ROWS * COLUMNS)
    const counts = this.#counts
    const hash = hashOf(name)
    let least = 0xffff
    for (let row = 0; row < ROWS; row++) {
      const at = this.#place(hash, row)
      if (counts[at]! < least) least = counts[at]!
    }
    if (least === 0xffff) return least
    // Only the least ones grow: the others are others' counts.
    for (let row = 0; row < ROWS; row++) {
      const at = this.#place(hash, row)
      if (counts[at] === least) counts[at] = least + 1
    }
    if (--this.#untilHalved === 0) this.#halve(counts)
    return least + 1
  }

  exchange(bytes: StateBytes): void {
    const counts = this.#counts ?? (bytes.reading ? new Uint16Array(ROWS * COLUMNS) : NO_COUNTS)
    bytes.numbers(counts)
    if (bytes.reading) this.#counts = counts.some((count) => count > 0) ? counts : null
    this.#untilHalved = bytes.number(this.#untilHalved)
  }

  #place(hash: number, row: number): number {
    return row * COLUMNS + (Math.imul(hash, MULTIPLIERS[row]!) >>> 20)
  }

  #halve(counts: Uint16Array): void {
    this.#untilHalved = HALVED_EVERY
    for (let i = 0; i < counts.length; i++) counts[i]! >>>= 1
  }
}

/** FNV-1a, stirred. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 15)
}

/** What is usual at this hour of the week: a slow average for each of the 168. What it is bad at: holidays, and rhythms of a month. */
import { Slab } from './slab.ts'

const HOURS = 168
const HOUR_SECONDS = 3600
/** An hour's average follows its last so many values. */
const MEMORY = 12

export class WeeklyRhythm {
  readonly #firstSecond: Float64Array
  readonly #means: Float32Array
  readonly #counts: Uint8Array

  constructor(slab = new Slab()) {
    this.#firstSecond = slab.doubles(1).fill(-1)
    this.#means = slab.floats(HOURS)
    this.#counts = slab.smallIntegers(HOURS)
  }

  /** The usual value at this time (s); NaN during the first week, or where nothing is known. */
  usual(second: number): number {
    const hour = hourOf(second)
    const known = this.#counts[hour]! > 0 && second - this.#firstSecond[0]! >= HOURS * HOUR_SECONDS
    return known ? this.#means[hour]! : Number.NaN
  }

  learn(second: number, value: number): void {
    const first = this.#firstSecond[0]!
    if (first < 0 || second < first) this.#firstSecond[0] = second
    const hour = hourOf(second)
    const count = Math.min(this.#counts[hour]! + 1, MEMORY)
    this.#counts[hour] = count
    this.#means[hour]! += (value - this.#means[hour]!) / count
  }
}

function hourOf(second: number): number {
  return Math.floor(second / HOUR_SECONDS) % HOURS
}

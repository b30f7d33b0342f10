/** What is usual at this hour of the week: a slow average for each of the 168. What it is bad at: holidays, and rhythms of a month. */
import type { StateBytes } from './state-bytes.ts'

const HOURS = 168
const HOUR_SECONDS = 3600
/** An hour's average follows its last so many values. */
const MEMORY = 12

export class WeeklyRhythm {
  readonly #means = new Float32Array(HOURS)
  readonly #counts = new Uint8Array(HOURS)
  #firstSecond = -1

  /** The usual value at this time (s); NaN during the first week, or where nothing is known. */
  usual(second: number): number {
    const hour = hourOf(second)
    const known = this.#counts[hour]! > 0 && second - this.#firstSecond >= HOURS * HOUR_SECONDS
    return known ? this.#means[hour]! : Number.NaN
  }

  learn(second: number, value: number): void {
    if (this.#firstSecond < 0 || second < this.#firstSecond) this.#firstSecond = second
    const hour = hourOf(second)
    const count = Math.min(this.#counts[hour]! + 1, MEMORY)
    this.#counts[hour] = count
    this.#means[hour]! += (value - this.#means[hour]!) / count
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#means)
    bytes.numbers(this.#counts)
    this.#firstSecond = bytes.number(this.#firstSecond)
  }
}

function hourOf(second: number): number {
  return Math.floor(second / HOUR_SECONDS) % HOURS
}

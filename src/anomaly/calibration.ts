/**
 * How high does a window statistic rise when nothing is wrong? Theory assumes independent logs, which real ones are not, so
 * each statistic remembers the maxima of its 10-minute blocks as a Gumbel distribution (by moments) and its surprise is
 * bounded by what that says. Blocks are learned 60 minutes late: an incident cannot teach the calibrator about itself, an
 * hourly job can. The most important part against false alarms.
 */
import type { SnapshotReader, SnapshotWriter } from './snapshot-bytes.ts'

const LAG_BLOCKS = 6
const PRIOR_BLOCKS = 5
const MEMORY_BLOCKS = 300
/** Blocks are ten minutes, alarms are judged by the second: what a block allows is worth two decades more. */
const BLOCK_CREDIT = 2
const EULER = 0.5772156649
const BETA_PER_SD = Math.sqrt(6) / Math.PI

const MEAN = 0
const VARIANCE = 1
const BLOCKS = 2
const CURRENT = 3
const PENDING = 4

export class Calibration {
  /** mean, variance and number of committed maxima, the open block's maximum (-1: no log yet), then those that wait. */
  readonly #state = new Float64Array(PENDING + LAG_BLOCKS)

  constructor(priorMean: number) {
    this.#state[MEAN] = priorMean
    this.#state[VARIANCE] = 0.35
    this.#state[CURRENT] = -1
    this.#state.fill(-1, PENDING)
  }

  /** Notes a value of the open block. */
  observe(value: number): void {
    if (value > this.#state[CURRENT]!) this.#state[CURRENT] = value
  }

  /** The theoretical surprise, or less where normal blocks reach such values. */
  bound(value: number): number {
    if (value <= BLOCK_CREDIT) return value
    const beta = Math.max(0.2, Math.sqrt(this.#state[VARIANCE]!) * BETA_PER_SD)
    const scaled = (value - this.#state[MEAN]! + EULER * beta) / beta
    const exceeding = scaled > 12 ? scaled / Math.LN10 : -Math.log10(-Math.expm1(-Math.exp(-scaled)))
    return Math.min(value, exceeding + BLOCK_CREDIT)
  }

  /** Closes the open block and as many empty ones as have passed. */
  roll(blocks: number): void {
    const state = this.#state
    for (let step = Math.min(blocks, LAG_BLOCKS + 1); step > 0; step--) {
      this.#commit(state[PENDING]!)
      state.copyWithin(PENDING, PENDING + 1)
      state[PENDING + LAG_BLOCKS - 1] = state[CURRENT]!
      state[CURRENT] = -1
    }
  }

  #commit(maximum: number): void {
    if (maximum < 0) return
    const state = this.#state
    const mean = state[MEAN]!
    const sd = Math.sqrt(state[VARIANCE]!)
    const bounded = Math.min(maximum, mean + 8 * Math.max(sd, 0.5))
    state[BLOCKS] = Math.min(state[BLOCKS]! + 1, MEMORY_BLOCKS)
    const rate = 1 / (state[BLOCKS]! + PRIOR_BLOCKS)
    const apart = bounded - mean
    state[MEAN] = mean + rate * apart
    state[VARIANCE] = (1 - rate) * (state[VARIANCE]! + rate * apart * apart)
  }

  save(writer: SnapshotWriter): void {
    writer.array(this.#state)
  }

  load(reader: SnapshotReader): void {
    reader.array(this.#state)
  }
}

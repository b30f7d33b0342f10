/**
 * What theory calls impossible happens daily: logs are not independent. So each window statistic keeps the maxima of its
 * 10-minute blocks, and can't be more surprising than its history of maxima allows. Maxima count an hour late: an incident
 * cannot teach the calibration about itself, an hourly job can. The maxima follow a Gumbel distribution (extreme value theory).
 */
import { Slab } from './slab.ts'

const BLOCKS_KEPT = 72
const LAG_BLOCKS = 7
const PRIOR_BLOCKS = 6
const PRIOR_MEDIAN = 1.2
const PRIOR_UPPER = 2.4
/** Columns: maximum of this block so far, location and scale of the distribution; number of this block, maxima kept so far. */
const MAXIMUM = 0
const LOCATION = 1
const SCALE = 2
const BLOCK = 0
const KEPT = 1

export class BlockMaxima {
  readonly #extra: number
  readonly #fitted: Float64Array
  readonly #blocks: Int32Array
  readonly #maxima: Float32Array
  readonly #pending: Float32Array

  constructor(extra: number, slab = new Slab()) {
    this.#extra = extra
    this.#fitted = slab.doubles(3)
    this.#blocks = slab.integers(2)
    this.#maxima = slab.floats(BLOCKS_KEPT)
    this.#pending = slab.floats(LAG_BLOCKS).fill(-1)
    this.#blocks[BLOCK] = -1
    this.#fitted[LOCATION] = PRIOR_MEDIAN - (0.3665 * (PRIOR_UPPER - PRIOR_MEDIAN)) / 1.884
    this.#fitted[SCALE] = (PRIOR_UPPER - PRIOR_MEDIAN) / 1.884
  }

  /** The surprise that history allows for this one of theory; notes it. */
  calibrate(theory: number): number {
    const fitted = this.#fitted
    if (theory > fitted[MAXIMUM]!) fitted[MAXIMUM] = theory
    if (theory <= 0.5) return theory
    const y = (theory - fitted[LOCATION]!) / fitted[SCALE]!
    // -log10(1 - exp(-exp(-y))), whose tail is y / ln 10.
    const allowed = y > 5 ? y / Math.LN10 : -Math.log10(-Math.expm1(-Math.exp(-y)))
    return Math.min(theory, allowed + this.#extra)
  }

  /** Told when event time enters another 10-minute block. */
  enter(block: number): void {
    const before = this.#blocks[BLOCK]!
    if (before >= 0) {
      this.#pending[before % LAG_BLOCKS] = this.#fitted[MAXIMUM]!
      const steps = Math.min(LAG_BLOCKS, block - before)
      for (let step = 1; step <= steps; step++) this.#commit((before + step) % LAG_BLOCKS)
      this.#fit()
    }
    this.#blocks[BLOCK] = block
    this.#fitted[MAXIMUM] = 0
  }

  #commit(place: number): void {
    const maximum = this.#pending[place]!
    if (maximum < 0) return
    this.#pending[place] = -1
    this.#maxima[this.#blocks[KEPT]! % BLOCKS_KEPT] = maximum
    this.#blocks[KEPT]!++
  }

  #fit(): void {
    const count = Math.min(this.#blocks[KEPT]!, BLOCKS_KEPT)
    if (count === 0) return
    const sorted = this.#maxima.slice(0, count).sort()
    const share = count / (count + PRIOR_BLOCKS)
    const median = share * sorted[Math.floor(count * 0.5)]! + (1 - share) * PRIOR_MEDIAN
    const upper = share * sorted[Math.floor(count * 0.9)]! + (1 - share) * PRIOR_UPPER
    const scale = Math.max(0.25, (upper - median) / 1.884)
    this.#fitted[SCALE] = scale
    this.#fitted[LOCATION] = median - 0.3665 * scale
  }
}

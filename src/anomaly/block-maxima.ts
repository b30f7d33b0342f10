/**
 * What theory calls impossible happens daily: logs are not independent. So each window statistic keeps the maxima of its
 * 10-minute blocks, and can't be more surprising than its history of maxima allows. Maxima count an hour late: an incident
 * cannot teach the calibration about itself, an hourly job can. The maxima follow a Gumbel distribution (extreme value theory).
 */
import type { StateBytes } from './state-bytes.ts'

const BLOCKS_KEPT = 72
const LAG_BLOCKS = 7
const PRIOR_BLOCKS = 6
const PRIOR_MEDIAN = 1.2
const PRIOR_UPPER = 2.4
/** A maximum of ten minutes is a tail of one log in about a hundred. */

export class BlockMaxima {
  readonly #extra: number
  #block = -1
  #maximum = 0
  #kept = 0
  readonly #maxima = new Float32Array(BLOCKS_KEPT)
  readonly #pending = new Float32Array(LAG_BLOCKS).fill(-1)
  #location = PRIOR_MEDIAN - (0.3665 * (PRIOR_UPPER - PRIOR_MEDIAN)) / 1.884
  #scale = (PRIOR_UPPER - PRIOR_MEDIAN) / 1.884

  constructor(extra: number) {
    this.#extra = extra
  }

  /** The surprise that history allows for this one of theory; notes it. */
  calibrate(theory: number): number {
    if (theory > this.#maximum) this.#maximum = theory
    if (theory <= 0.5) return theory
    const y = (theory - this.#location) / this.#scale
    // -log10(1 - exp(-exp(-y))), whose tail is y / ln 10.
    const allowed = y > 5 ? y / Math.LN10 : -Math.log10(-Math.expm1(-Math.exp(-y)))
    return Math.min(theory, allowed + this.#extra)
  }

  /** Told when event time enters another 10-minute block. */
  enter(block: number): void {
    if (this.#block >= 0) {
      this.#pending[this.#block % LAG_BLOCKS] = this.#maximum
      const steps = Math.min(LAG_BLOCKS, block - this.#block)
      for (let step = 1; step <= steps; step++) this.#commit((this.#block + step) % LAG_BLOCKS)
      this.#fit()
    }
    this.#block = block
    this.#maximum = 0
  }

  exchange(bytes: StateBytes): void {
    this.#block = bytes.number(this.#block)
    this.#maximum = bytes.number(this.#maximum)
    this.#kept = bytes.number(this.#kept)
    bytes.numbers(this.#maxima)
    bytes.numbers(this.#pending)
    this.#location = bytes.number(this.#location)
    this.#scale = bytes.number(this.#scale)
  }

  #commit(place: number): void {
    const maximum = this.#pending[place]!
    if (maximum < 0) return
    this.#pending[place] = -1
    this.#maxima[this.#kept % BLOCKS_KEPT] = maximum
    this.#kept++
  }

  #fit(): void {
    const count = Math.min(this.#kept, BLOCKS_KEPT)
    if (count === 0) return
    const sorted = this.#maxima.slice(0, count).sort()
    const share = count / (count + PRIOR_BLOCKS)
    const median = share * sorted[Math.floor(count * 0.5)]! + (1 - share) * PRIOR_MEDIAN
    const upper = share * sorted[Math.floor(count * 0.9)]! + (1 - share) * PRIOR_UPPER
    this.#scale = Math.max(0.25, (upper - median) / 1.884)
    this.#location = median - 0.3665 * this.#scale
  }
}

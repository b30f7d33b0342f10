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
/**
 * Columns: maximum of this block so far, location and scale of the distribution; number of this block, maxima kept so far; the maxima
 * kept, those that wait. Each counted in its own type from where the columns begin.
 */
const MAXIMUM = 0
const LOCATION = 1
const SCALE = 2
const BLOCK = 6
const KEPT = 7
const MAXIMA = 8
const PENDING = MAXIMA + BLOCKS_KEPT

export class BlockMaxima {
  readonly #extra: number
  readonly #slab: Slab
  /** Where its columns begin, in doubles. */
  readonly #at: number

  constructor(extra: number, slab = new Slab()) {
    this.#extra = extra
    this.#slab = slab
    this.#at = slab.placeOfDoubles(3)
    slab.placeOfIntegers(2)
    slab.placeOfFloats(BLOCKS_KEPT + LAG_BLOCKS)
    slab.allFloats.fill(-1, 2 * this.#at + PENDING, 2 * this.#at + PENDING + LAG_BLOCKS)
    slab.allIntegers[2 * this.#at + BLOCK] = -1
    slab.allDoubles[this.#at + LOCATION] = PRIOR_MEDIAN - (0.3665 * (PRIOR_UPPER - PRIOR_MEDIAN)) / 1.884
    slab.allDoubles[this.#at + SCALE] = (PRIOR_UPPER - PRIOR_MEDIAN) / 1.884
  }

  /** The surprise that history allows for this one of theory; notes it. */
  calibrate(theory: number): number {
    const doubles = this.#slab.allDoubles
    const at = this.#at
    if (theory > doubles[at + MAXIMUM]!) doubles[at + MAXIMUM] = theory
    if (theory <= 0.5) return theory
    const y = (theory - doubles[at + LOCATION]!) / doubles[at + SCALE]!
    // -log10(1 - exp(-exp(-y))), whose tail is y / ln 10.
    const allowed = y > 5 ? y / Math.LN10 : -Math.log10(-Math.expm1(-Math.exp(-y)))
    return Math.min(theory, allowed + this.#extra)
  }

  /** Told when event time enters another 10-minute block. */
  enter(block: number): void {
    const { allDoubles, allFloats, allIntegers } = this.#slab
    const before = allIntegers[2 * this.#at + BLOCK]!
    if (before >= 0) {
      allFloats[2 * this.#at + PENDING + (before % LAG_BLOCKS)] = allDoubles[this.#at + MAXIMUM]!
      const steps = Math.min(LAG_BLOCKS, block - before)
      for (let step = 1; step <= steps; step++) this.#commit((before + step) % LAG_BLOCKS)
      this.#fit()
    }
    allIntegers[2 * this.#at + BLOCK] = block
    allDoubles[this.#at + MAXIMUM] = 0
  }

  #commit(place: number): void {
    const { allFloats, allIntegers } = this.#slab
    const at = 2 * this.#at
    const maximum = allFloats[at + PENDING + place]!
    if (maximum < 0) return
    allFloats[at + PENDING + place] = -1
    allFloats[at + MAXIMA + (allIntegers[at + KEPT]! % BLOCKS_KEPT)] = maximum
    allIntegers[at + KEPT]!++
  }

  #fit(): void {
    const { allDoubles, allFloats, allIntegers } = this.#slab
    const at = 2 * this.#at
    const count = Math.min(allIntegers[at + KEPT]!, BLOCKS_KEPT)
    if (count === 0) return
    const sorted = allFloats.slice(at + MAXIMA, at + MAXIMA + count).sort()
    const share = count / (count + PRIOR_BLOCKS)
    const median = share * sorted[Math.floor(count * 0.5)]! + (1 - share) * PRIOR_MEDIAN
    const upper = share * sorted[Math.floor(count * 0.9)]! + (1 - share) * PRIOR_UPPER
    const scale = Math.max(0.25, (upper - median) / 1.884)
    allDoubles[this.#at + SCALE] = scale
    allDoubles[this.#at + LOCATION] = median - 0.3665 * scale
  }
}

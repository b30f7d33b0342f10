/** How large latency residuals usually are: a decayed histogram with an exponential tail beyond its 99.5 % quantile. */
import { Slab } from './slab.ts'

const BINS = 256
const GROUP = 16
const LOW = -8
const WIDTH = 0.125
const TAIL_EVERY = 32
/** Mean excess over the 99.5 % quantile where little is known. */
const PRIOR_EXCESS = 0.35
const PRIOR_EXCESSES = 4
/** What is beyond counts as it was counted, where it was, and else as this share of the exponential tail. */
const TAIL_SHARE = 0.2
/** So many far residuals are outliers of their own, and show nothing about the tail. */
const OUTLIERS = 2
const EXCESS_MAX = 2.5
const PRIOR_TOTAL = 300
const LEAST = 1e-30
/** Columns: all residuals, where the tail begins, how fast it falls. */
const TOTAL = 0
const Q995 = 1
const TAIL_RATE = 2

export class ResidualHistogram {
  readonly #doubles: Float64Array
  readonly #floats: Float32Array
  readonly #integers: Int32Array
  /** Where they begin: the columns, the bins, their sums by group, and what counts down to the next fit of the tail. */
  readonly #tail: number
  readonly #bins: number
  readonly #groups: number
  readonly #untilTail: number

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#floats = slab.allFloats
    this.#integers = slab.allIntegers
    this.#tail = slab.placeOfDoubles(3)
    this.#bins = slab.placeOfFloats(BINS)
    this.#groups = slab.placeOfFloats(BINS / GROUP)
    this.#untilTail = slab.placeOfIntegers(1)
    this.#integers[this.#untilTail] = 1
    this.#doubles[this.#tail + Q995] = 2.6
    this.#doubles[this.#tail + TAIL_RATE] = 2
  }

  /** Share of earlier residuals below r, in (0, 1); the standard logistic curve while there are few. */
  below(r: number): number {
    const place = Math.min(BINS - 0.001, Math.max(0, (r - LOW) / WIDTH))
    const bin = Math.floor(place)
    const group = Math.floor(bin / GROUP)
    const floats = this.#floats
    const bins = this.#bins
    let sum = 0
    for (let g = this.#groups; g < this.#groups + group; g++) sum += floats[g]!
    for (let b = bins + group * GROUP; b < bins + bin; b++) sum += floats[b]!
    sum += floats[bins + bin]! * (place - bin)
    const prior = 1 / (1 + Math.exp(-1.702 * Math.max(-5, Math.min(5, r))))
    return Math.max(1e-6, Math.min(1 - 1e-6, (sum + prior * 10) / (this.#doubles[this.#tail + TOTAL]! + 10)))
  }

  /** -log10 of the share of residuals at least r, given that `below(r)` is u. */
  surprise(r: number, u: number): number {
    const q995 = this.#doubles[this.#tail + Q995]!
    if (r <= q995) return -Math.log10(Math.max(0.005, 1 - u))
    const place = Math.min(BINS - 0.001, (r - LOW) / WIDTH)
    const bin = Math.floor(place)
    let above = this.#floats[this.#bins + bin]! * (bin + 1 - place)
    for (let b = bin + 1; b < BINS; b++) above += this.#floats[this.#bins + b]!
    const beyond = 0.005 * Math.exp(-this.#doubles[this.#tail + TAIL_RATE]! * (r - q995))
    const counted = Math.max(0, above - OUTLIERS) / (this.#doubles[this.#tail + TOTAL]! + PRIOR_TOTAL)
    return -Math.log10(Math.max(LEAST, counted + TAIL_SHARE * beyond))
  }

  learn(r: number, weight: number): void {
    const bin = Math.floor(Math.min(BINS - 1, Math.max(0, (r - LOW) / WIDTH)))
    this.#floats[this.#bins + bin]! += weight
    this.#floats[this.#groups + Math.floor(bin / GROUP)]! += weight
    this.#doubles[this.#tail + TOTAL]! += weight
    if (--this.#integers[this.#untilTail]! > 0) return
    this.#integers[this.#untilTail] = TAIL_EVERY
    this.#fitTail()
  }

  decay(factor: number): void {
    let total = 0
    this.#floats.fill(0, this.#groups, this.#groups + BINS / GROUP)
    for (let b = 0; b < BINS; b++) {
      this.#floats[this.#bins + b]! *= factor
      this.#floats[this.#groups + Math.floor(b / GROUP)]! += this.#floats[this.#bins + b]!
      total += this.#floats[this.#bins + b]!
    }
    this.#doubles[this.#tail + TOTAL] = total
  }

  /** Exponential in log-latency beyond the 99.5 % quantile, a power law, as latencies have; by the mean excess (Hill 1975). */
  #fitTail(): void {
    const total = this.#doubles[this.#tail + TOTAL]!
    if (total < 100) return
    let above = 0
    let excess = 0
    let b = BINS - 1
    const farthest = this.#doubles[this.#tail + Q995]! + EXCESS_MAX
    for (; b > 0; b--) {
      const count = this.#floats[this.#bins + b]!
      above += count
      excess += count * Math.min(farthest, LOW + (b + 0.5) * WIDTH)
      if (above > total * 0.005) break
    }
    const q995 = LOW + b * WIDTH
    const meanExcess = (excess - above * q995 + PRIOR_EXCESSES * PRIOR_EXCESS) / (above + PRIOR_EXCESSES)
    const few = 50 / (50 + total)
    this.#doubles[this.#tail + Q995] = q995 * (1 - few) + Math.max(q995, 2.6) * few
    this.#doubles[this.#tail + TAIL_RATE] = 1 / Math.max(0.2, meanExcess)
  }
}

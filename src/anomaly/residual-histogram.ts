/** How large latency residuals usually are: a decayed histogram with an exponential tail beyond its 99.5 % quantile. */
import type { StateBytes } from './state-bytes.ts'

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

export class ResidualHistogram {
  readonly #bins = new Float32Array(BINS)
  readonly #groups = new Float32Array(BINS / GROUP)
  #total = 0
  #untilTail = 1
  #q995 = 2.6
  #tailRate = 2

  /** Share of earlier residuals below r, in (0, 1); the standard logistic curve while there are few. */
  below(r: number): number {
    const place = Math.min(BINS - 0.001, Math.max(0, (r - LOW) / WIDTH))
    const bin = Math.floor(place)
    const group = Math.floor(bin / GROUP)
    let sum = 0
    for (let g = 0; g < group; g++) sum += this.#groups[g]!
    for (let b = group * GROUP; b < bin; b++) sum += this.#bins[b]!
    sum += this.#bins[bin]! * (place - bin)
    const prior = 1 / (1 + Math.exp(-1.702 * Math.max(-5, Math.min(5, r))))
    return Math.max(1e-6, Math.min(1 - 1e-6, (sum + prior * 10) / (this.#total + 10)))
  }

  /** -log10 of the share of residuals at least r, given that `below(r)` is u. */
  surprise(r: number, u: number): number {
    if (r <= this.#q995) return -Math.log10(Math.max(0.005, 1 - u))
    const place = Math.min(BINS - 0.001, (r - LOW) / WIDTH)
    const bin = Math.floor(place)
    let above = this.#bins[bin]! * (bin + 1 - place)
    for (let b = bin + 1; b < BINS; b++) above += this.#bins[b]!
    const beyond = 0.005 * Math.exp(-this.#tailRate * (r - this.#q995))
    const counted = Math.max(0, above - OUTLIERS) / (this.#total + PRIOR_TOTAL)
    return -Math.log10(Math.max(LEAST, counted + TAIL_SHARE * beyond))
  }

  learn(r: number, weight: number): void {
    const bin = Math.floor(Math.min(BINS - 1, Math.max(0, (r - LOW) / WIDTH)))
    this.#bins[bin]! += weight
    this.#groups[Math.floor(bin / GROUP)]! += weight
    this.#total += weight
    if (--this.#untilTail > 0) return
    this.#untilTail = TAIL_EVERY
    this.#fitTail()
  }

  decay(factor: number): void {
    this.#total = 0
    this.#groups.fill(0)
    for (let b = 0; b < BINS; b++) {
      this.#bins[b]! *= factor
      this.#groups[Math.floor(b / GROUP)]! += this.#bins[b]!
      this.#total += this.#bins[b]!
    }
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#bins)
    bytes.numbers(this.#groups)
    this.#total = bytes.number(this.#total)
    this.#untilTail = bytes.number(this.#untilTail)
    this.#q995 = bytes.number(this.#q995)
    this.#tailRate = bytes.number(this.#tailRate)
  }

  /** Exponential in log-latency beyond the 99.5 % quantile, a power law, as latencies have; by the mean excess (Hill 1975). */
  #fitTail(): void {
    if (this.#total < 100) return
    let above = 0
    let excess = 0
    let b = BINS - 1
    const farthest = this.#q995 + EXCESS_MAX
    for (; b > 0; b--) {
      const count = this.#bins[b]!
      above += count
      excess += count * Math.min(farthest, LOW + (b + 0.5) * WIDTH)
      if (above > this.#total * 0.005) break
    }
    const q995 = LOW + b * WIDTH
    const meanExcess = (excess - above * q995 + PRIOR_EXCESSES * PRIOR_EXCESS) / (above + PRIOR_EXCESSES)
    const few = 50 / (50 + this.#total)
    this.#q995 = q995 * (1 - few) + Math.max(q995, 2.6) * few
    this.#tailRate = 1 / Math.max(0.2, meanExcess)
  }
}

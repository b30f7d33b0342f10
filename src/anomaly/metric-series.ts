/**
 * One series of numbers, and how unusual its next one is, in both directions. Each residual, a distance from what was expected, is
 * compared with the series' own last residuals (recent-extremes.ts):
 *
 *   jump    from a fast average: spikes, steps         ratio_jump    the same of the logarithm: what is large only for a quiet hour
 *   level   from a slow average: shifts                ratio_level
 *   rhythm  from the usual at this hour of the week
 */
import { RecentExtremes } from './recent-extremes.ts'
import { Slab } from './slab.ts'
import type { StateBytes } from './state-bytes.ts'
import { Spending } from './threshold.ts'
import { WeeklyRhythm } from './weekly-rhythm.ts'

export const METRIC_CHANNELS = ['jump', 'level', 'ratio_jump', 'ratio_level', 'rhythm'] as const
export type MetricChannel = (typeof METRIC_CHANNELS)[number]

interface Chart {
  /** Weight of the newest value in the average; 0: the rhythm gives what is expected. */
  readonly step: number
  readonly logarithm: boolean
  /** Residuals compared with. */
  readonly memory: number
  /** How much its surprises count. */
  readonly weight: number
}

const CHARTS: readonly Chart[] = [
  { step: 0.25, logarithm: false, memory: 1300, weight: 1 },
  { step: 0.009, logarithm: false, memory: 1200, weight: 0.89 },
  { step: 0.17, logarithm: true, memory: 3500, weight: 0.93 },
  { step: 0.019, logarithm: true, memory: 3500, weight: 0.93 },
  { step: 0, logarithm: false, memory: 2000, weight: 0.76 },
]
/** Beyond the largest residual, surprise by distance. */
const PER_SPREAD = 0.6
/** A residual's own middle, and the usual size of values, are slow averages. */
const CENTRE_STEP = 0.002
const SIZE_STEP = 0.001
/** Values below this share of the usual size are alike in the logarithm. */
const LINEAR_SHARE = 0.3
/** Values that one incident may take. */
const INCIDENT_VALUES = 110
/** A long series has more chances to surprise: what a tenfold length takes off. */
const LENGTH_DISCOUNT = 0.48
/** Columns: values learned, their usual size, the highest score of the incident, the number of the value that had it. */
const COUNT = 0
const SIZE = 1
const PEAK = 2
const PEAK_AT = 3

export class MetricSeries {
  /** Bytes of memory, and in a snapshot. */
  static readonly bytes = Slab.sizeOf((slab) => new MetricSeries(slab))
  /** By channel and direction, upwards first: weighted -log10 of the probability. */
  readonly surprises = new Float64Array(2 * CHARTS.length)
  /** By channel: what was expected of the value, in its unit. */
  readonly expected = new Float64Array(CHARTS.length)
  /** The strongest surprise of the value looked at last, less what is due to the series' length. */
  strongest = 0
  readonly spending: Spending
  readonly #residuals = new Float64Array(CHARTS.length)
  readonly #slab: Slab
  readonly #numbers: Float64Array
  readonly #averages: Float64Array
  readonly #centres: Float64Array
  readonly #above: readonly RecentExtremes[]
  readonly #below: readonly RecentExtremes[]
  readonly #rhythm: WeeklyRhythm

  constructor(slab = new Slab(MetricSeries.bytes)) {
    this.#slab = slab
    this.#numbers = slab.doubles(4)
    this.#averages = slab.doubles(CHARTS.length)
    this.#centres = slab.doubles(CHARTS.length)
    this.#rhythm = new WeeklyRhythm(slab)
    this.#above = CHARTS.map(({ memory }) => new RecentExtremes(memory, slab))
    this.#below = CHARTS.map(({ memory }) => new RecentExtremes(memory, slab))
    this.spending = new Spending(slab)
  }

  /** Values learned. */
  get count(): number {
    return this.#numbers[COUNT]!
  }

  /** Compares a value with what is usual, and learns it; `second` is its event time. */
  lookThenLearn(value: number, second: number): void {
    const numbers = this.#numbers
    const count = numbers[COUNT]! + 1
    numbers[COUNT] = count
    numbers[SIZE]! += Math.max(SIZE_STEP, 1 / count) * (Math.abs(value) - numbers[SIZE]!)
    const scale = LINEAR_SHARE * numbers[SIZE]! + 1e-9
    const logarithm = Math.asinh(value / scale)
    for (let c = 0; c < CHARTS.length; c++) {
      const chart = CHARTS[c]!
      const number = chart.logarithm ? logarithm : value
      const usual = chart.step === 0 ? this.#rhythm.usual(second) : count === 1 ? number : this.#averages[c]!
      const known = !Number.isNaN(usual)
      this.expected[c] = chart.logarithm ? Math.sinh(usual) * scale : usual
      this.#residuals[c] = known ? number - usual : Number.NaN
      this.surprises[2 * c] = known ? this.#surprise(c, 1) : 0
      this.surprises[2 * c + 1] = known ? this.#surprise(c, -1) : 0
      this.#averages[c] = known ? usual + Math.max(chart.step, 1 / count) * (number - usual) : 0
    }
    this.strongest = Math.max(0, this.#maximum() - lengthDiscount(count))
    this.#learnResiduals()
    this.#rhythm.learn(second, value)
  }

  /** Whether the value looked at last, having this score, is news: no higher one came shortly before. */
  isNews(score: number): boolean {
    const numbers = this.#numbers
    if (this.count - numbers[PEAK_AT]! > INCIDENT_VALUES) numbers[PEAK] = 0
    if (score <= numbers[PEAK]!) return false
    numbers[PEAK] = score
    numbers[PEAK_AT] = this.count
    return true
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#slab.bytes)
  }

  #maximum(): number {
    let maximum = 0
    for (let i = 0; i < this.surprises.length; i++) if (this.surprises[i]! > maximum) maximum = this.surprises[i]!
    return maximum
  }

  #surprise(c: number, direction: 1 | -1): number {
    const extremes = direction === 1 ? this.#above[c]! : this.#below[c]!
    const found = extremes.surprise(direction * this.#residuals[c]!, direction * this.#centres[c]!, PER_SPREAD)
    return CHARTS[c]!.weight * found
  }

  #learnResiduals(): void {
    for (let c = 0; c < CHARTS.length; c++) {
      const residual = this.#residuals[c]!
      if (Number.isNaN(residual)) continue
      this.#centres[c]! += Math.max(CENTRE_STEP, 1 / this.count) * (residual - this.#centres[c]!)
      this.#above[c]!.learn(residual)
      this.#below[c]!.learn(-residual)
    }
  }
}

function lengthDiscount(count: number): number {
  return LENGTH_DISCOUNT * Math.log10(Math.max(100, Math.min(count, 8000)) / 1000)
}

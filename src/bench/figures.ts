/** What is measured of a part of the line, and what is made of several measurements: medians, spreads. */

export interface Figure {
  readonly rowsPerSecond: number
  /** CPU-seconds of the measured process and its children per million rows; null where they could not be read. */
  readonly cpuSecondsPerMillion: number | null
  /** The same of PostgreSQL, all of its processes; null where it runs elsewhere or had nothing to do. */
  readonly postgresCpuSecondsPerMillion: number | null
  /** Of the whole machine, in the mean; null where it could not be read. */
  readonly coresBusy: number | null
  readonly peakRssMb: number | null
  /** Seconds in garbage collection over CPU-seconds, of the measured process. */
  readonly gcShare: number | null
  /** How late the event loop came to its timers, in ms. */
  readonly loopDelayMs: LoopDelayMs | null
}

export interface LoopDelayMs {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export const NOTHING: Figure = {
  rowsPerSecond: 0,
  cpuSecondsPerMillion: null,
  postgresCpuSecondsPerMillion: null,
  coresBusy: null,
  peakRssMb: null,
  gcShare: null,
  loopDelayMs: null,
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

function medianKnown(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined)
  return known.length === 0 ? null : median(known)
}

/** Each number's own median. */
export function medianFigure(figures: readonly Figure[]): Figure {
  const delay = (of: keyof LoopDelayMs): number | null => medianKnown(figures.map((f) => f.loopDelayMs?.[of]))
  const [p50, p99, max] = [delay('p50'), delay('p99'), delay('max')]
  return {
    rowsPerSecond: medianKnown(figures.map((f) => f.rowsPerSecond)) ?? 0,
    cpuSecondsPerMillion: medianKnown(figures.map((f) => f.cpuSecondsPerMillion)),
    postgresCpuSecondsPerMillion: medianKnown(figures.map((f) => f.postgresCpuSecondsPerMillion)),
    coresBusy: medianKnown(figures.map((f) => f.coresBusy)),
    peakRssMb: medianKnown(figures.map((f) => f.peakRssMb)),
    gcShare: medianKnown(figures.map((f) => f.gcShare)),
    loopDelayMs: p50 === null || p99 === null || max === null ? null : { p50, p99, max },
  }
}

/** Of the ratios of pairs measured in the same round; null where a side is missing. */
export function medianRatio(over: readonly number[], under: readonly number[]): number | null {
  const ratios = over.slice(0, under.length).map((value, round) => value / (under[round] ?? Number.NaN))
  return ratios.length === 0 ? null : median(ratios)
}

export interface Spread {
  /** The median of the values. */
  readonly middle: number
  /** How far each lies from the middle, in percent; in the order given. */
  readonly percent: readonly number[]
  /** The largest distance, in percent. */
  readonly widest: number
}

export function spread(values: readonly number[]): Spread {
  const middle = median(values)
  const percent = values.map((value) => ((value - middle) / middle) * 100)
  return { middle, percent, widest: Math.max(...percent.map(Math.abs)) }
}

/** Nearest rank (the smallest value that at least `q` of all do not exceed); null of nothing. `sorted`: ascending. */
export function percentile(sorted: ArrayLike<number>, q: number): number | null {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null
}

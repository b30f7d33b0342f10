/** The channels in which a log can be surprising, and their places in the vectors of surprises. */
export const CHANNELS = [
  'latency',
  'latency_shift',
  'slow_share',
  'level',
  'template',
  'burst',
  'error_rate',
  'surge',
] as const
export type Channel = (typeof CHANNELS)[number]

export const LATENCY = 0
export const LATENCY_SHIFT = 1
export const SLOW_SHARE = 2
export const LEVEL = 3
export const TEMPLATE = 4
export const TEMPLATE_BURST = 5
export const ERROR_RATE = 6
export const SURGE = 7

/** Looked at for one log; overwritten for the next. */
export interface Findings {
  /** By channel: -log10 of the probability. */
  readonly surprises: Float64Array
  /** By channel, in the unit that `explanation.ts` says. */
  readonly observed: Float64Array
  readonly expected: Float64Array
}

export function emptyFindings(): Findings {
  const column = (): Float64Array => new Float64Array(CHANNELS.length)
  return { surprises: column(), observed: column(), expected: column() }
}

/** Latency in ms: a number, or text that is a decimal number and nothing else. */
export const LATENCY_MS_MAX = 2_147_483_647

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const DECIMAL_LENGTH_MAX = 64

/** `ms` is null where there is none to believe; `faithful` says that it is the very value that was sent, as a number. */
interface Latency {
  readonly ms: number | null
  readonly faithful: boolean
}

const NONE: Latency = { ms: null, faithful: true }
const UNREADABLE: Latency = { ms: null, faithful: false }

/** Negative, infinite and unreadable values are no latency; too large ones are clamped. */
export function readLatency(sent: unknown): Latency {
  if (sent === undefined) return NONE
  const ms = typeof sent === 'number' ? sent : typeof sent === 'string' ? decimal(sent) : Number.NaN
  if (!Number.isFinite(ms) || ms < 0) return UNREADABLE
  if (ms > LATENCY_MS_MAX) return { ms: LATENCY_MS_MAX, faithful: false }
  return { ms: ms === 0 ? 0 : ms, faithful: typeof sent === 'number' }
}

/** NaN unless the whole text, blanks around it aside, is a decimal number. */
export function decimal(text: string): number {
  if (text.length > DECIMAL_LENGTH_MAX) return Number.NaN
  const trimmed = text.trim()
  return DECIMAL.test(trimmed) ? Number(trimmed) : Number.NaN
}

/** What the benchmark reads off a worker's metrics page. */
import type { LoopDelayMs } from './figures.ts'

/** The monitor behind the page looks at such intervals, and that is in what it says. */
export const RESOLUTION_MS = 50

/** Every value of a metric, whatever its labels. */
export function valuesOf(exposition: string, metric: string): number[] {
  const line = new RegExp(`^${metric}(?:\\{[^\\n]*\\})? (\\S+)`, 'gm')
  return [...exposition.matchAll(line)].map((match) => Number(match[1]))
}

export const sumOf = (exposition: string, metric: string): number =>
  valuesOf(exposition, metric).reduce((sum, value) => sum + value, 0)

/** Since the page was read before; of several workers the worst. Null where it says nothing. */
export function loopDelayOf(exposition: string): LoopDelayMs | null {
  const worst = (of: string): number => Math.max(...valuesOf(exposition, `nodejs_eventloop_lag_${of}_seconds`))
  const [p50, p99, max] = [worst('p50'), worst('p99'), worst('max')]
  if (![p50, p99, max].every(Number.isFinite)) return null
  const ms = (seconds: number): number => Math.max(0, seconds * 1000 - RESOLUTION_MS)
  return { p50: ms(p50), p99: ms(p99), max: ms(max) }
}

/**
 * What a log costs by its size: a part for the log and a part for each KiB of it, a straight line through the measured points. A row,
 * its index entries, a score: none of them is longer because a message is, so the cost a KiB cannot be flat; the line can be straight.
 */

export interface SizePoint {
  /** Of one message, mean. */
  readonly bytes: number
  /** CPU of one log in µs. */
  readonly cost: number
}

export interface SizeLine {
  /** µs a log, whatever its size; never negative. */
  readonly perLog: number
  /** µs a KiB of message. */
  readonly perKib: number
  /** How far each point lies from the line, in percent of what the line says; in the order given. */
  readonly percent: readonly number[]
  /** The largest distance, in percent. */
  readonly widest: number
}

/** Least squares of relative errors, so that a small message's cost counts as much as a large one's. Null for fewer than three sizes. */
export function sizeLine(points: readonly SizePoint[]): SizeLine | null {
  const known = points.filter(({ cost }) => Number.isFinite(cost) && cost > 0)
  if (new Set(known.map(({ bytes }) => bytes)).size < 3) return null
  // Divided by its cost each point asks: perLog * u + perKib * v = 1.
  const terms = known.map(({ bytes, cost }) => ({ u: 1 / cost, v: bytes / 1024 / cost }))
  const sum = (of: (term: { u: number; v: number }) => number): number => terms.reduce((all, each) => all + of(each), 0)
  const [uu, uv, vv] = [sum(({ u }) => u * u), sum(({ u, v }) => u * v), sum(({ v }) => v * v)]
  const [u1, v1] = [sum(({ u }) => u), sum(({ v }) => v)]
  const perLog = Math.max(0, (u1 * vv - v1 * uv) / (uu * vv - uv * uv))
  const perKib = (v1 - perLog * uv) / vv
  const percent = points.map(({ bytes, cost }) => {
    const said = perLog + (perKib * bytes) / 1024
    return ((cost - said) / said) * 100
  })
  return { perLog, perKib, percent, widest: Math.max(...percent.filter(Number.isFinite).map(Math.abs)) }
}

/**
 * How something changes over time, by the estimator of Theil and Sen: the median of the slopes between all pairs of points, so that
 * steps of a garbage collector don't bend it; with Sen's confidence interval (Sen 1968, from the variance of Kendall's tau).
 */

export interface Point {
  /** In s. */
  readonly at: number
  readonly value: number
}

export interface Slope {
  /** Per s. */
  readonly perSecond: number
  /** 95 %. */
  readonly low: number
  readonly high: number
}

const Z_95 = 1.96

/** Needs ten points or more. Throws a RangeError for less. */
export function slopeOf(points: readonly Point[]): Slope {
  const n = points.length
  if (n < 10) throw new RangeError(`${n} points; at least 10 are needed`)
  const slopes: number[] = []
  for (const [index, later] of points.entries())
    for (const earlier of points.slice(0, index))
      if (later.at > earlier.at) slopes.push((later.value - earlier.value) / (later.at - earlier.at))
  slopes.sort((a, b) => a - b)
  const spread = Z_95 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18)
  const ranked = (rank: number): number =>
    slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))] ?? Number.NaN
  return {
    perSecond: ranked((slopes.length - 1) / 2),
    low: ranked((slopes.length - spread) / 2 - 1),
    high: ranked((slopes.length + spread) / 2),
  }
}

/** Percentiles of a Prometheus histogram's text exposition, summed over several workers. */

/** Cumulative counts by upper bound. */
export type Buckets = Map<number, number>

/** Adds the buckets of one metric, all label sets together. */
export function addBuckets(into: Buckets, exposition: string, metric: string): void {
  const line = new RegExp(`^${metric}_bucket\\{(?:.*,)?le="([^"]+)".*\\} ([0-9.e+]+)`)
  for (const text of exposition.split('\n')) {
    const match = line.exec(text)
    if (match === null) continue
    const bound = match[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[1])
    into.set(bound, (into.get(bound) ?? 0) + Number(match[2]))
  }
}

/** Linear within the bucket, as Prometheus does it; null without observations. In the metric's unit. */
export function quantile(buckets: Buckets, q: number): number | null {
  const bounds = [...buckets].sort(([a], [b]) => a - b)
  const total = bounds.at(-1)?.[1] ?? 0
  if (total === 0) return null
  let [lower, below] = [0, 0]
  for (const [bound, count] of bounds) {
    if (count >= q * total) {
      if (bound === Number.POSITIVE_INFINITY || count === below) return lower
      return lower + ((bound - lower) * (q * total - below)) / (count - below)
    }
    lower = bound
    below = count
  }
  return lower
}

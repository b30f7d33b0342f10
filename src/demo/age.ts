/** How old logs are when they are committed: percentiles of the workers' Prometheus histograms, summed over several of them. */

/** Cumulative counts by upper bound. */
export type Buckets = ReadonlyMap<number, number>

/** The buckets of one metric in a text exposition, all label sets together. */
export function bucketsOf(exposition: string, metric: string): Buckets {
  const line = new RegExp(`^${metric}_bucket\\{(?:.*,)?le="([^"]+)".*\\} ([0-9.e+]+)`)
  const found = new Map<number, number>()
  for (const text of exposition.split('\n')) {
    const match = line.exec(text)
    if (match === null) continue
    const bound = match[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[1])
    found.set(bound, (found.get(bound) ?? 0) + Number(match[2]))
  }
  return found
}

/** Bucket by bucket `a + sign * b`. */
function combined(a: Buckets, b: Buckets, sign: 1 | -1): Buckets {
  const result = new Map(a)
  for (const [bound, count] of b) result.set(bound, (result.get(bound) ?? 0) + sign * count)
  return result
}

export function sum(parts: readonly Buckets[]): Buckets {
  return parts.reduce<Buckets>((all, part) => combined(all, part, 1), new Map())
}

/** What was observed between two readings of the same histograms. */
export function since(later: Buckets, earlier: Buckets): Buckets {
  return combined(later, earlier, -1)
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

export interface AgeMs {
  readonly p50: number | null
  readonly p99: number | null
}

/** In ms, from a histogram in seconds. */
export function ageMs(buckets: Buckets): AgeMs {
  const [p50, p99] = [0.5, 0.99].map((q) => {
    const seconds = quantile(buckets, q)
    return seconds === null ? null : Math.round(seconds * 1000)
  })
  return { p50: p50 ?? null, p99: p99 ?? null }
}

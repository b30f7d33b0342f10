/** Surprise is -log10 of a probability: 0 ordinary, 3 once in a thousand. These are the functions that produce it. */

/** Upper tail of the standard normal distribution as surprise (Borjesson and Sundberg 1979, within 0.3 %). */
export function normalSurprise(z: number): number {
  if (z <= 0) return 0
  const denominator = 0.661 * z + 0.339 * Math.sqrt(z * z + 5.51)
  return Math.max(0, (z * z * 0.5 + 0.9189385 + Math.log(denominator)) / Math.LN10)
}

/** Chernoff bound for k of n where each has probability p: n KL(k/n || p), in powers of ten; 0 unless k/n exceeds p. */
export function shareSurprise(k: number, n: number, p: number): number {
  if (n <= 0 || k <= n * p) return 0
  const share = k / n
  const rest = share < 1 ? (1 - share) * Math.log((1 - share) / (1 - p)) : 0
  return (n * (share * Math.log(share / p) + rest)) / Math.LN10
}

/** Chernoff bound for a Poisson count n with mean mu, in powers of ten; 0 unless n exceeds mu. */
export function countSurprise(n: number, mu: number): number {
  return n <= mu ? 0 : (n * Math.log(n / mu) - (n - mu)) / Math.LN10
}

/** Chernoff bound for a Poisson count n with mean mu, in powers of ten; 0 unless n falls short of mu. */
export function deficitSurprise(n: number, mu: number): number {
  if (n >= mu) return 0
  return ((n > 0 ? n * Math.log(n / mu) : 0) + mu - n) / Math.LN10
}

/** Difference of Poisson counts in standard deviations, by the variance-stabilising root (Anscombe 1948). */
export function rootDifference(n: number, mu: number): number {
  return 2 * (Math.sqrt(n + 0.375) - Math.sqrt(mu + 0.375))
}

/** Quantile of the standard normal distribution (Abramowitz and Stegun 26.2.23, within 0.00045); u in (0, 1). */
export function normalQuantile(u: number): number {
  const p = u < 0.5 ? 1 - u : u
  const t = Math.sqrt(-2 * Math.log(1 - p))
  const z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
  return u < 0.5 ? -z : z
}

/**
 * A minute's surprise and five minutes' as one. Five minutes find what is slow to show, but remember an incident that has ended: they
 * count as far as the last minute bears them out.
 */
export function sustained(lately: number, longer: number): number {
  return Math.max(lately, Math.min(longer, 2 + 2 * lately))
}

/** Surprise onto [0, 1), rising everywhere, so that ranking inside a strong incident is kept. `half` maps to 0.5. */
export function softScore(surprise: number, half: number): number {
  return surprise <= 0 ? 0 : Math.min(1 - 2 ** (-surprise / half), 1 - 2 ** -40)
}

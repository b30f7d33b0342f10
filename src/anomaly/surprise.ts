/** Surprise is -log10 of a probability: 3 is one in a thousand. These turn statistics into it. */
export const LN10 = Math.LN10

/** Of a standard normal above z; 0 below the middle. Upper tail by Birnbaum's and Sampford's bounds, within 1 %. */
export function normalSurprise(z: number): number {
  if (z <= 0) return 0
  const ratio = 1.7724538509 * 1.4142135624 * 0.25 * (3 * z + Math.sqrt(z * z + 8))
  return Math.max(0, (z * z) / (2 * LN10) + Math.log10(ratio))
}

/** Of k or more hits among n where each has probability p: Chernoff's bound, n KL(k/n || p). 0 where k/n <= p. */
export function binomialSurprise(k: number, n: number, p: number): number {
  if (n <= 0 || k <= n * p) return 0
  const share = k / n
  const miss = share < 1 ? (1 - share) * Math.log((1 - share) / (1 - p)) : 0
  return (n * (share * Math.log(share / p) + miss)) / LN10
}

/** Of `count` or more where `mean` are expected: Chernoff's bound for a Poisson variable. */
export function poissonSurprise(count: number, mean: number): number {
  if (count <= mean) return 0
  return (count * Math.log(count / mean) - count + mean) / LN10
}

/** The standard normal quantile of u in (0, 1), by Acklam's rational approximation (error below 1.2e-9). */
export function normalQuantile(u: number): number {
  if (u < 0.02425) return -upperQuantile(u)
  if (u > 0.97575) return upperQuantile(1 - u)
  const q = u - 0.5
  const r = q * q
  const top =
    (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
    q
  const bottom =
    ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
    1
  return top / bottom
}

function upperQuantile(tail: number): number {
  const q = Math.sqrt(-2 * Math.log(tail))
  const top =
    ((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
      4.374664141464968) *
      q +
    2.938163982698783
  const bottom =
    (((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1
  return -top / bottom
}

/** Monotone, [0, inf) to [0, 1): linear to 0.8, then slower and slower, so that ranking survives inside strong incidents. */
export function soften(value: number): number {
  if (!(value > 0)) return 0
  if (value <= 0.8) return value
  return 1 - 0.2 / (1 + 5 * (Math.min(value, 1e6) - 0.8))
}

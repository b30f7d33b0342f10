/**
 * The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015; github.com/numenta/NAB, nab/sweeper.py and nab/runner.py).
 *
 *   detection: a point whose score reaches the threshold, after the first 15 % of its series (at most 750 points)
 *   reward:    the earliest detection in each window counts, near 1 at its beginning, near 0 at its end; a window without one costs
 *   penalty:   each detection outside costs, little just behind a window, fully far from one
 *   result:    100 for a reward of 1 a window, 0 for no detection at all; one threshold for all series, the best one
 */

export interface NabProfile {
  readonly tpWeight: number
  readonly fpWeight: number
  readonly fnWeight: number
}

/** config/profiles.json of the benchmark. */
export const NAB_PROFILES: Readonly<Record<'standard' | 'reward_low_FP_rate' | 'reward_low_FN_rate', NabProfile>> = {
  standard: { tpWeight: 1, fpWeight: 0.11, fnWeight: 1 },
  reward_low_FP_rate: { tpWeight: 1, fpWeight: 0.22, fnWeight: 1 },
  reward_low_FN_rate: { tpWeight: 1, fpWeight: 0.11, fnWeight: 2 },
}

/** Indices of the first and the last point of a labelled anomaly. */
export interface NabWindow {
  readonly from: number
  readonly to: number
}

export interface NabSeries {
  /** One a point, higher is more unusual. */
  readonly scores: ArrayLike<number>
  /** In order, apart from each other. */
  readonly windows: readonly NabWindow[]
}

export interface NabResult {
  /** Normalized: 100 is perfect, 0 is silence. */
  readonly score: number
  /** The best one; Infinity where silence is best. */
  readonly threshold: number
  readonly truePositives: number
  readonly falsePositives: number
  /** Windows with a detection. */
  readonly windowsFound: number
  readonly windows: number
}

const PROBATION_SHARE = 0.15
const PROBATION_POINTS_MAX = 750

/** The series' score with the threshold that suits them best as a whole. Throws RangeError without a window. */
export function nabScore(series: readonly NabSeries[], profile: NabProfile): NabResult {
  return sweep(series, profile, null)
}

/** The series' score with a given threshold. */
export function nabScoreAt(series: readonly NabSeries[], profile: NabProfile, threshold: number): NabResult {
  return sweep(series, profile, threshold)
}

/** Where labelled times lie in a series' times. Throws RangeError for a window that is not there. */
export function nabWindows(times: readonly string[], labelled: readonly (readonly [string, string])[]): NabWindow[] {
  let after = 0
  return labelled.map(([start, end]) => {
    const from = times.indexOf(start, after)
    const to = times.indexOf(end, Math.max(0, from))
    if (from < 0 || to < 0) throw new RangeError(`no points at ${start} and ${end}`)
    after = to + 1
    return { from, to }
  })
}

/** Points of a series' beginning that don't count. */
export function probation(points: number): number {
  return Math.min(Math.floor(PROBATION_SHARE * points), PROBATION_POINTS_MAX)
}

/** Near 1 at -1 (a window's left edge), 0 at 0 (its right edge), towards -1 behind it. */
export function scaledSigmoid(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1
}

/** All points that count, of all series: their scores, what a detection there is worth, and their window or -1. */
interface Points {
  readonly scores: number[]
  readonly worths: number[]
  readonly windows: number[]
  /** Windows of all series, and those with a point that counts. */
  all: number
  readonly counting: Set<number>
}

function pointsOf(series: readonly NabSeries[], profile: NabProfile): Points {
  const points: Points = { scores: [], worths: [], windows: [], all: 0, counting: new Set() }
  for (const each of series) addSeries(points, each, profile)
  return points
}

function addSeries(points: Points, { scores, windows }: NabSeries, profile: NabProfile): void {
  const firstCounting = probation(scores.length)
  const perfect = scaledSigmoid(-1)
  let next = 0
  let behind: NabWindow | null = null
  for (let i = 0; i < scores.length; i++) {
    const window = windows[next]
    const inside = window !== undefined && i >= window.from
    if (i >= firstCounting) {
      points.scores.push(scores[i]!)
      points.windows.push(inside ? points.all + next : -1)
      if (inside) points.counting.add(points.all + next)
      points.worths.push(
        inside
          ? (scaledSigmoid(inWindow(i, window)) * profile.tpWeight) / perfect
          : penalty(i, behind) * profile.fpWeight,
      )
    }
    if (inside && i === window.to) {
      behind = window
      next++
    }
  }
  points.all += windows.length
}

/** From -1 at the window's first point to just below 0 at its last. */
function inWindow(i: number, { from, to }: NabWindow): number {
  return -(to - i + 1) / (to - from + 1)
}

function penalty(i: number, behind: NabWindow | null): number {
  return behind === null ? -1 : scaledSigmoid((i - behind.to) / (behind.to - behind.from))
}

/** Lowers the threshold over all points; gives the best result, or the one at the threshold that is given. */
function sweep(series: readonly NabSeries[], profile: NabProfile, given: number | null): NabResult {
  const points = pointsOf(series, profile)
  if (points.all === 0) throw new RangeError('no labelled window')
  const silence = -profile.fnWeight * points.counting.size
  const order = Int32Array.from(points.scores.keys()).sort((a, b) => points.scores[b]! - points.scores[a]!)
  const found = new Map<number, number>()
  const state = {
    sum: silence,
    threshold: Number.POSITIVE_INFINITY,
    truePositives: 0,
    falsePositives: 0,
    windowsFound: 0,
  }
  let best = { ...state }
  for (let at = 0; at < order.length; ) {
    state.threshold = points.scores[order[at]!]!
    if (given !== null && state.threshold < given) break
    for (; at < order.length && points.scores[order[at]!] === state.threshold; at++) {
      const point = order[at]!
      const window = points.windows[point]!
      const worth = points.worths[point]!
      if (window < 0) {
        state.falsePositives++
        state.sum += worth
        continue
      }
      state.truePositives++
      const before = found.get(window) ?? -profile.fnWeight
      if (worth > before) found.set(window, worth)
      state.sum += Math.max(0, worth - before)
    }
    state.windowsFound = found.size
    if (given !== null || state.sum > best.sum) best = { ...state }
  }
  const { sum, ...counts } = best
  const perfect = points.all * profile.tpWeight
  return { ...counts, score: (100 * (sum - silence)) / (perfect - silence), windows: points.all }
}

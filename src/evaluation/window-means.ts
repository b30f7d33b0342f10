/**
 * Many requests together tell more than one: the mean score of each service in windows of 15 s of the clock. A fault is found when
 * one of its windows lies above all but one in a hundred of the fault-free windows.
 */
import { IGNORED, POSITIVE, type Ranking, ranking, rankOrder, thresholdAt } from './ranking.ts'

export const WINDOW_SECONDS = 15
/** The mean of fewer says little. */
const REQUESTS_MIN = 3
const FALSE_WINDOW_RATE = 0.01

export interface WindowQuality extends Ranking {
  /** Those with a window at all. */
  readonly faults: number
  readonly found: number
}

/** One entry a request; `places` name the fault that a positive one belongs to. */
export function windowQuality(requests: {
  readonly seconds: readonly number[]
  readonly places: readonly string[]
  readonly labels: readonly number[]
  readonly scores: readonly number[]
}): WindowQuality {
  const windows = new Map<string, { place: string; label: number; sum: number; count: number }>()
  requests.labels.forEach((label, i) => {
    if (label === IGNORED) return
    const place = requests.places[i]!
    const key = `${place} ${label} ${Math.floor(requests.seconds[i]! / WINDOW_SECONDS)}`
    const window = windows.get(key) ?? { place, label, sum: 0, count: 0 }
    windows.set(key, window)
    window.sum += requests.scores[i]!
    window.count++
  })
  const counted = [...windows.values()].filter(({ count }) => count >= REQUESTS_MIN)
  const scores = counted.map(({ sum, count }) => sum / count)
  const labels = counted.map(({ label }) => label)
  const order = rankOrder(scores)
  const threshold = thresholdAt(FALSE_WINDOW_RATE, { order, scores, labels })
  const faulty = counted.filter(({ label }) => label === POSITIVE)
  const found = counted.filter(({ label }, i) => label === POSITIVE && scores[i]! > threshold)
  return {
    ...ranking(order, scores, labels),
    faults: new Set(faulty.map(({ place }) => place)).size,
    found: new Set(found.map(({ place }) => place)).size,
  }
}

/**
 * How well do scores rank the unusual before the usual? Average precision and the area under the ROC curve, equal scores sharing one
 * rank, as scikit-learn's `average_precision_score` and `roc_auc_score` compute them. Pure.
 */

/** What a label says. */
export const POSITIVE = 1
export const NEGATIVE = 0
/** Left out of every figure. */
export const IGNORED = -1

export interface Ranking {
  readonly positives: number
  readonly negatives: number
  /** Sum over the distinct scores of precision times the gain in recall; NaN without a positive. */
  readonly averagePrecision: number
  /** NaN without a positive or without a negative. */
  readonly auc: number
  /** The best F1 that any threshold would give. */
  readonly bestF1: number
}

/** Places of the scores, highest first; equal scores in the order given. Throws RangeError for a score that is NaN. */
export function rankOrder(scores: ArrayLike<number>): Uint32Array {
  const order = new Uint32Array(scores.length)
  for (let i = 0; i < order.length; i++) {
    if (Number.isNaN(scores[i])) throw new RangeError(`score ${i} is not a number`)
    order[i] = i
  }
  return order.sort((a, b) => scores[b]! - scores[a]! || a - b)
}

/** `order` as `rankOrder` gives it; `labels` one of POSITIVE, NEGATIVE, IGNORED for each score. */
export function ranking(order: Uint32Array, scores: ArrayLike<number>, labels: ArrayLike<number>): Ranking {
  const positives = countOf(labels, POSITIVE)
  const negatives = countOf(labels, NEGATIVE)
  let truePositives = 0
  let falsePositives = 0
  let averagePrecision = 0
  let area = 0
  let bestF1 = 0
  for (let i = 0; i < order.length; ) {
    const score = scores[order[i]!]!
    let hits = 0
    let misses = 0
    for (; i < order.length && scores[order[i]!] === score; i++) {
      const label = labels[order[i]!]
      if (label === POSITIVE) hits++
      else if (label === NEGATIVE) misses++
    }
    if (hits + misses === 0) continue
    area += misses * (truePositives + hits / 2)
    truePositives += hits
    falsePositives += misses
    averagePrecision += (hits / positives) * (truePositives / (truePositives + falsePositives))
    bestF1 = Math.max(bestF1, (2 * truePositives) / (truePositives + falsePositives + positives))
  }
  const known = positives > 0
  return {
    positives,
    negatives,
    averagePrecision: known ? averagePrecision : Number.NaN,
    auc: known && negatives > 0 ? area / (positives * negatives) : Number.NaN,
    bestF1,
  }
}

/** Both in one go, for sets that are ranked once. */
export function rank(scores: ArrayLike<number>, labels: ArrayLike<number>): Ranking {
  return ranking(rankOrder(scores), scores, labels)
}

/**
 * The score that a share of the negatives reach or exceed: a higher one is flagged, and so at most that share of the negatives is.
 * +Infinity without negatives.
 */
export function thresholdAt(
  falsePositiveRate: number,
  ranked: { order: Uint32Array; scores: ArrayLike<number>; labels: ArrayLike<number> },
): number {
  const { order, scores, labels } = ranked
  const negatives = countOf(labels, NEGATIVE)
  let left = Math.min(negatives - 1, Math.floor(falsePositiveRate * negatives))
  for (const at of order) if (labels[at] === NEGATIVE && left-- === 0) return scores[at]!
  return Number.POSITIVE_INFINITY
}

/** The share of positives with a score above the threshold; NaN without a positive. */
export function recallAbove(threshold: number, scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  let hits = 0
  let positives = 0
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== POSITIVE) continue
    positives++
    if (scores[i]! > threshold) hits++
  }
  return positives === 0 ? Number.NaN : hits / positives
}

export function countOf(labels: ArrayLike<number>, label: number): number {
  let count = 0
  for (let i = 0; i < labels.length; i++) if (labels[i] === label) count++
  return count
}

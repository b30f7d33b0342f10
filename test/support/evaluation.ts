/** How good are scores? Ranking figures over labels, and the expanding z-score that the detector is compared with. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { epochMs, LEVELS, type LogEvent } from '../../src/log.ts'

export interface Labelled {
  readonly score: number
  readonly positive: boolean
}

/** Average precision and area under the ROC curve; ties share their rank, as in scikit-learn. */
export function ranking(cases: readonly Labelled[]): { averagePrecision: number; auc: number } {
  const sorted = [...cases].sort((a, b) => b.score - a.score)
  const positives = sorted.filter((each) => each.positive).length
  const negatives = sorted.length - positives
  let truePositives = 0
  let falsePositives = 0
  let averagePrecision = 0
  let area = 0
  for (let i = 0; i < sorted.length; ) {
    const score = sorted[i]?.score
    let hits = 0
    let misses = 0
    for (; i < sorted.length && sorted[i]?.score === score; i++) sorted[i]?.positive ? hits++ : misses++
    area += misses * (truePositives + hits / 2)
    truePositives += hits
    falsePositives += misses
    averagePrecision += (hits / positives) * (truePositives / (truePositives + falsePositives))
  }
  return { averagePrecision, auc: area / (positives * negatives) }
}

/** Each value against mean and deviation of those before it with the same key: the baseline. Learns after it has judged. */
export class ExpandingZ {
  readonly #known = new Map<string, { count: number; mean: number; squares: number }>()

  judge(key: string, value: number): number {
    const known = this.#known.get(key) ?? { count: 0, mean: 0, squares: 0 }
    this.#known.set(key, known)
    const deviation = Math.sqrt(known.squares / Math.max(1, known.count - 1))
    const z = known.count > 10 && deviation > 0 ? Math.abs(value - known.mean) / deviation : 0
    known.count++
    const difference = value - known.mean
    known.mean += difference / known.count
    known.squares += difference * (value - known.mean)
    return z
  }
}

/** Lines of a gzipped file, without the last, empty one. */
export function gzipLines(...path: string[]): string[] {
  const lines = gunzipSync(readFileSync(join(...path)))
    .toString('utf8')
    .split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** A log as the line would bring it, event time and record time alike. */
export function eventOf(fields: {
  readonly offset: number
  readonly service: string
  readonly timeMs: number
  readonly level?: string
  readonly message?: string
  readonly latencyMs?: number | null
}): LogEvent {
  return {
    partition: 0,
    offset: fields.offset,
    item: 0,
    service: fields.service,
    level: LEVELS.find((level) => level === fields.level) ?? 'INFO',
    message: fields.message ?? '',
    latencyMs: fields.latencyMs ?? null,
    createdAt: epochMs(fields.timeMs),
    recordTimestamp: epochMs(fields.timeMs),
    userId: null,
    metadata: null,
  }
}

/**
 * The forest that clients train by hand: rows of (latency in ms, level code), as the original engine took them. It has nothing to
 * do with the live model. What it is bad at: everything but these two numbers.
 */
import { IsolationForest } from '../anomaly/isolation-forest.ts'
import { SeededRandom } from '../anomaly/seeded-random.ts'
import type { StateBytes } from '../anomaly/state-bytes.ts'
import type { Level } from '../log.ts'

export const TRAINING_ROWS_MIN = 32
export const TRAINING_ROWS_MAX = 100_000

/** [latency in ms, level code] */
export type TrainingRow = readonly [number, number]

const LEVEL_CODES: Readonly<Record<Level, number>> = { DEBUG: 0, INFO: 0, WARN: 1, ERROR: 2, FATAL: 2 }
/** As scikit-learn's defaults. */
const TREES = 100
const SAMPLE_SIZE = 256
/** Of each tree's points: with one value raised beyond what was seen. Cuts stay within the points, so that without these a
 * latency a thousand times the largest one would look like the largest one. */
const RAISED_SHARE = 1 / 8
const LATENCY_RAISED_MAX = 8
const LEVEL_RAISED_MAX = 4
/** Scores lie around 0.5 for ordinary points (Liu, Ting, Zhou 2008); above 0.6 is a potential anomaly. */
const ANOMALY_FROM = 0.6

export class TrainedForest {
  readonly #forest = new IsolationForest({ trees: TREES, sampleSize: SAMPLE_SIZE, dimensions: 2 })

  /** `rows` are finite and at least two. Equal rows give an equal forest. */
  static fit(rows: readonly TrainingRow[]): TrainedForest {
    const trained = new TrainedForest()
    const random = new SeededRandom(rows.length)
    const points = rows.map(([latencyMs, code]) => point(latencyMs, code))
    const highest = points.reduce((most, each) => [Math.max(most[0], each[0]), Math.max(most[1], each[1])])
    const raised = SAMPLE_SIZE * RAISED_SHARE
    for (let tree = 0; tree < TREES; tree++) {
      let drawn = 0
      trained.#forest.rebuild(tree, random, (into, at) => {
        const chosen = points[random.index(points.length)]!
        into.set(chosen, at)
        if (drawn++ >= raised) return
        if (random.index(2) === 0) into[at] = highest[0] + random.below(LATENCY_RAISED_MAX)
        else into[at + 1] = highest[1] + random.below(LEVEL_RAISED_MAX)
      })
    }
    return trained
  }

  static restored(bytes: StateBytes): TrainedForest {
    const trained = new TrainedForest()
    trained.exchange(bytes)
    return trained
  }

  exchange(bytes: StateBytes): void {
    this.#forest.exchange(bytes)
  }

  predict(latencyMs: number, level: Level): { readonly score: number; readonly isAnomaly: boolean } {
    const score = this.#forest.score(point(latencyMs, LEVEL_CODES[level]))
    return { score, isAnomaly: score >= ANOMALY_FROM }
  }
}

/** Latencies are compared by their ratios; training rows may hold negative ones. */
function point(latencyMs: number, code: number): [number, number] {
  return [Math.sign(latencyMs) * Math.log1p(Math.abs(latencyMs)), code]
}

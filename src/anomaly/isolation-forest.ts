/**
 * Isolation forest (Liu, Ting, Zhou 2008) in flat typed arrays: points that random cuts part from the others early are unusual.
 * Trees are rebuilt one by one, so that no refit stops the world. Scores are in (0, 1), 0.5 for the average point.
 *
 *   node := feature (-1 a leaf) | threshold, or the leaf's path length | left child (the right one follows it)
 */
import type { SeededRandom } from './seeded-random.ts'
import type { StateBytes } from './state-bytes.ts'

export interface ForestShape {
  readonly trees: number
  /** Points per tree. */
  readonly sampleSize: number
  readonly dimensions: number
}

/** Mean path length of an unsuccessful search in a binary tree of n points. */
function meanPath(n: number): number {
  if (n <= 1) return 0
  return n === 2 ? 1 : 2 * (Math.log(n - 1) + 0.5772156649) - (2 * (n - 1)) / n
}

export class IsolationForest {
  readonly shape: ForestShape
  readonly #nodesMax: number
  readonly #features: Int8Array
  readonly #thresholds: Float32Array
  readonly #children: Int16Array
  #normalizer = 1
  /** While a tree is built: its points, row by row, and the order in which the cuts have put them. */
  readonly #points: Float32Array
  readonly #order: Int16Array
  #free = 0

  constructor(shape: ForestShape) {
    this.shape = shape
    this.#nodesMax = 2 * shape.sampleSize
    this.#features = new Int8Array(shape.trees * this.#nodesMax).fill(-1)
    this.#thresholds = new Float32Array(shape.trees * this.#nodesMax)
    this.#children = new Int16Array(shape.trees * this.#nodesMax)
    this.#points = new Float32Array(shape.sampleSize * shape.dimensions)
    this.#order = new Int16Array(shape.sampleSize)
  }

  /** Builds tree number `tree` anew; `draw` writes one sampled point to `into` at `at`. */
  rebuild(tree: number, random: SeededRandom, draw: (into: Float32Array, at: number) => void): void {
    const { sampleSize, dimensions } = this.shape
    for (let i = 0; i < sampleSize; i++) {
      draw(this.#points, i * dimensions)
      this.#order[i] = i
    }
    this.#normalizer = meanPath(sampleSize)
    this.#free = 1
    const depthMax = Math.ceil(Math.log2(sampleSize))
    this.#grow({ base: tree * this.#nodesMax, node: 0, from: 0, to: sampleSize, depth: 0, depthMax, random })
  }

  /** `point` has one number a dimension. */
  score(point: ArrayLike<number>): number {
    const features = this.#features
    let sum = 0
    const end = this.shape.trees * this.#nodesMax
    for (let base = 0; base < end; base += this.#nodesMax) {
      let node = base
      let feature = features[node]!
      while (feature >= 0) {
        node = base + this.#children[node]! + (point[feature]! < this.#thresholds[node]! ? 0 : 1)
        feature = features[node]!
      }
      sum += this.#thresholds[node]!
    }
    return 2 ** (-sum / (this.shape.trees * this.#normalizer))
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#features)
    bytes.numbers(this.#thresholds)
    bytes.numbers(this.#children)
    this.#normalizer = bytes.number(this.#normalizer)
  }

  #grow(part: Part): void {
    const { base, node, from, to, depth } = part
    const feature = depth < part.depthMax && to - from > 1 ? this.#chooseFeature(from, to, part.random) : -1
    this.#features[base + node] = feature
    if (feature < 0) {
      this.#thresholds[base + node] = depth + meanPath(to - from)
      return
    }
    const threshold = Math.fround(this.#lowest + part.random.below(this.#highest - this.#lowest))
    const cut = threshold > this.#lowest ? threshold : this.#highest
    this.#thresholds[base + node] = cut
    const middle = this.#divide({ from, to, feature, threshold: cut })
    const left = this.#free
    this.#free += 2
    this.#children[base + node] = left
    this.#grow({ ...part, node: left, from, to: middle, depth: depth + 1 })
    this.#grow({ ...part, node: left + 1, from: middle, to, depth: depth + 1 })
  }

  #lowest = 0
  #highest = 0

  /** A feature in which these points differ, and its range in #lowest and #highest; -1 when they are all equal. */
  #chooseFeature(from: number, to: number, random: SeededRandom): number {
    const { dimensions } = this.shape
    const first = random.index(dimensions)
    for (let tried = 0; tried < dimensions; tried++) {
      const feature = (first + tried) % dimensions
      this.#lowest = Number.POSITIVE_INFINITY
      this.#highest = Number.NEGATIVE_INFINITY
      for (let i = from; i < to; i++) {
        const value = this.#points[this.#order[i]! * dimensions + feature]!
        if (value < this.#lowest) this.#lowest = value
        if (value > this.#highest) this.#highest = value
      }
      if (this.#highest > this.#lowest) return feature
    }
    return -1
  }

  /** Points below the threshold to the front; gives where the others begin. */
  #divide(cut: { from: number; to: number; feature: number; threshold: number }): number {
    const order = this.#order
    let middle = cut.from
    for (let i = cut.from; i < cut.to; i++) {
      const point = order[i]!
      if (this.#points[point * this.shape.dimensions + cut.feature]! >= cut.threshold) continue
      order[i] = order[middle]!
      order[middle++] = point
    }
    return middle
  }
}

interface Part {
  readonly base: number
  readonly node: number
  /** Range of #order. */
  readonly from: number
  readonly to: number
  readonly depth: number
  readonly depthMax: number
  readonly random: SeededRandom
}

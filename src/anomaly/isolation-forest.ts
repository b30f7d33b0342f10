/**
 * Isolation forest (Liu, Ting, Zhou 2008) in flat typed arrays: points that random cuts part from the others early are unusual.
 * Trees are rebuilt one by one, so that no refit stops the world. Scores are in (0, 1), 0.5 for the average point.
 * By itself: `IsolationForest.fit(rows, seed).score(row)`. What it is bad at: anything beyond the range of what it saw looks alike.
 *
 *   node := feature (-1 a leaf) | threshold, or the leaf's path length | left child (the right one follows it)
 */
import { SeededRandom } from './seeded-random.ts'
import type { StateBytes } from './state-bytes.ts'

export interface ForestShape {
  readonly trees: number
  /** Points per tree. */
  readonly sampleSize: number
  readonly dimensions: number
}

/** As in the paper, and in scikit-learn. */
const FITTED_TREES = 100
const FITTED_SAMPLE_SIZE = 256
/** Features are numbered in an Int8Array, nodes in an Int16Array. */
const DIMENSIONS_MAX = 127
const SAMPLE_SIZE_MAX = 8192

/** Deeper than the average path nothing is unusual. */
function depthMaxOf(sampleSize: number): number {
  return Math.ceil(Math.log2(sampleSize))
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
  /** Nodes still to be cut: node, from and to in #order, depth. */
  readonly #waiting: Int32Array
  #free = 0

  /** Throws RangeError for a shape that the arrays can't hold. */
  constructor(shape: ForestShape) {
    limit('trees', shape.trees, 1, 10_000)
    limit('sampleSize', shape.sampleSize, 2, SAMPLE_SIZE_MAX)
    limit('dimensions', shape.dimensions, 1, DIMENSIONS_MAX)
    this.shape = shape
    this.#nodesMax = 2 * shape.sampleSize
    this.#features = new Int8Array(shape.trees * this.#nodesMax).fill(-1)
    this.#thresholds = new Float32Array(shape.trees * this.#nodesMax)
    this.#children = new Int16Array(shape.trees * this.#nodesMax)
    this.#points = new Float32Array(shape.sampleSize * shape.dimensions)
    this.#order = new Int16Array(shape.sampleSize)
    this.#waiting = new Int32Array(4 * (depthMaxOf(shape.sampleSize) + 2))
  }

  /**
   * A forest over `rows` (at least two, of equally many finite numbers): each tree sees a random part of them, drawn without
   * replacement. Equal rows and seed give an equal forest. Throws RangeError for rows that are none.
   */
  static fit(rows: readonly ArrayLike<number>[], seed: number, trees = FITTED_TREES): IsolationForest {
    const dimensions = rows[0]?.length ?? 0
    const sampleSize = Math.min(FITTED_SAMPLE_SIZE, rows.length)
    const forest = new IsolationForest({ trees, sampleSize, dimensions })
    for (const [i, row] of rows.entries()) checkRow(row, dimensions, `row ${i}`)
    const random = new SeededRandom(seed)
    const order = Int32Array.from(rows.keys())
    let drawn = 0
    for (let tree = 0; tree < trees; tree++) {
      // The next tree goes on where this one ended, so that all rows are seen about equally often.
      if (drawn + sampleSize > order.length) drawn = 0
      forest.rebuild(tree, random, (into, at) => {
        // Fisher and Yates: what stands before `drawn` is taken.
        const place = drawn + random.index(order.length - drawn)
        const chosen = order[place]!
        order[place] = order[drawn]!
        order[drawn++] = chosen
        into.set(rows[chosen]!, at)
      })
    }
    return forest
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
    this.#grow({ base: tree * this.#nodesMax, depthMax: depthMaxOf(sampleSize), random })
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

  /** Node by node, each left side before its right side. */
  #grow({ base, depthMax, random }: { base: number; depthMax: number; random: SeededRandom }): void {
    const waiting = this.#waiting
    let count = 0
    waiting[count++] = 0
    waiting[count++] = 0
    waiting[count++] = this.shape.sampleSize
    waiting[count++] = 0
    while (count > 0) {
      const depth = waiting[--count]!
      const to = waiting[--count]!
      const from = waiting[--count]!
      const node = waiting[--count]!
      const feature = depth < depthMax && to - from > 1 ? this.#chooseFeature(from, to, random) : -1
      this.#features[base + node] = feature
      if (feature < 0) {
        this.#thresholds[base + node] = depth + meanPath(to - from)
        continue
      }
      const threshold = Math.fround(this.#lowest + random.below(this.#highest - this.#lowest))
      const cut = threshold > this.#lowest ? threshold : this.#highest
      this.#thresholds[base + node] = cut
      const middle = this.#divide({ from, to, feature, threshold: cut })
      const left = this.#free
      this.#free += 2
      this.#children[base + node] = left
      waiting[count++] = left + 1
      waiting[count++] = middle
      waiting[count++] = to
      waiting[count++] = depth + 1
      waiting[count++] = left
      waiting[count++] = from
      waiting[count++] = middle
      waiting[count++] = depth + 1
    }
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

function limit(name: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw new RangeError(`${name} is ${value}, not a whole number from ${min} to ${max}`)
}

function checkRow(row: ArrayLike<number>, dimensions: number, name: string): void {
  if (row.length !== dimensions) throw new RangeError(`${name} has ${row.length} numbers, not ${dimensions}`)
  for (let d = 0; d < dimensions; d++)
    if (!Number.isFinite(Math.fround(row[d]!)))
      throw new RangeError(`${name} has a number that is not finite: ${row[d]}`)
}

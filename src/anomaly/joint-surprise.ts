/**
 * Is the combination unusual? An isolation forest over the surprises of all channels, global over services since surprises are
 * relative to the service. It learns from a reservoir of logs that nobody flagged. A plain forest can't tell 5 from 500 times the
 * usual, since its cuts stay within what it saw; so each tree also gets points with one surprise raised (boundary augmentation).
 * Surprises are rounded to quarters, and the answer for each rounded vector is kept until trees are rebuilt.
 */
import * as channel from './channels.ts'
import { IsolationForest } from './isolation-forest.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { StateBytes } from './state-bytes.ts'

export const DIMENSIONS = 7
const STEPS_PER_UNIT = 4
const STEPS_MAX = 32
const SHAPE = { trees: 50, sampleSize: 128, dimensions: DIMENSIONS }
const SYNTHETIC = 24
const RESERVOIR = 2048
const REBUILD_EVERY = 2000
const REBUILT_TREES = 10
const FIRST_BUILD = 512
/** Answers kept, at first and at most: powers of two. */
const KEPT_FIRST = 256
const KEPT_ANSWERS = 4096
const SCORE_BINS = 256
const DECAY_EVERY = 20_000
const DECAY = 0.9

export class JointSurprise {
  readonly #random: SeededRandom
  readonly #forest = new IsolationForest(SHAPE)
  readonly #reservoir = new Uint8Array(RESERVOIR * DIMENSIONS)
  #seen = 0
  #untilRebuild = FIRST_BUILD
  #nextTree = 0
  #built = false
  /** -log10 of the share of unsuspicious logs with a forest score as high as that of the log looked at last. */
  surprise = 0
  /** Distribution of the scores of unsuspicious logs, decayed. */
  readonly #scores = new Float32Array(SCORE_BINS)
  /** No bin above it ever had a score. */
  #top = -1
  #scored = 0
  readonly #folded = new Float64Array(DIMENSIONS)
  readonly #vector = new Uint8Array(DIMENSIONS)
  #keyLow = 0
  #keyHigh = 0
  #score = 0
  /** Answers by hash of the rounded vector. Not part of the state: they follow from the forest. */
  #answers = noAnswers(KEPT_FIRST)
  /** Since trees were rebuilt. */
  #missed = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  get ready(): boolean {
    return this.#built
  }

  /** `surprises` has one number a channel. The answer is left in `surprise`: what is returned may have to be allocated. */
  look(surprises: Float64Array): void {
    this.#fold(surprises)
    this.lookAt(this.#folded)
  }

  /** The same of DIMENSIONS surprises that are no channels of logs. */
  lookAt(point: Float64Array): void {
    let low = 0
    let high = 0
    for (let d = 0; d < DIMENSIONS; d++) {
      // Linear to 4, then compressed: 8 stands for a surprise of 20 and more.
      const raw = point[d]!
      const value = raw <= 4 ? raw : 4 + (raw - 4) * 0.25
      const step = Math.min(STEPS_MAX, Math.round(value * STEPS_PER_UNIT))
      this.#vector[d] = step
      if (d < 4) low = low * 33 + step
      else high = high * 33 + step
    }
    this.#keyLow = low
    this.#keyHigh = high
    this.surprise = 0
    if (!this.#built) return
    this.#answer()
    this.#rank()
  }

  /** Learns the vector looked at last. */
  learn(unsuspicious: boolean): void {
    if (unsuspicious) {
      if (this.#built) this.#note()
      this.#seen++
      const place = this.#seen <= RESERVOIR ? this.#seen - 1 : this.#random.index(Math.min(this.#seen, 4 * RESERVOIR))
      if (place < RESERVOIR) this.#reservoir.set(this.#vector, place * DIMENSIONS)
    }
    if (--this.#untilRebuild <= 0) this.#rebuild()
  }

  exchange(bytes: StateBytes): void {
    this.#forest.exchange(bytes)
    bytes.numbers(this.#reservoir)
    this.#seen = bytes.number(this.#seen)
    this.#untilRebuild = bytes.number(this.#untilRebuild)
    this.#nextTree = bytes.number(this.#nextTree)
    this.#built = bytes.number(this.#built ? 1 : 0) === 1
    bytes.numbers(this.#scores)
    this.#scored = bytes.number(this.#scored)
    this.#top = this.#scores.findLastIndex((score) => score > 0)
  }

  /** Channels that tell of one thing in two ways count once. */
  #fold(s: Float64Array): void {
    const folded = this.#folded
    folded[0] = s[channel.LATENCY]!
    folded[1] = s[channel.LATENCY_SHIFT]!
    folded[2] = s[channel.SLOW_SHARE]!
    folded[3] = Math.max(s[channel.LEVEL]!, s[channel.TEMPLATE]!)
    folded[4] = Math.max(s[channel.TEMPLATE]!, s[channel.TEMPLATE_BURST]!)
    folded[5] = s[channel.ERROR_RATE]!
    folded[6] = s[channel.SURGE]!
  }

  #answer(): void {
    const { low, high, score } = this.#answers
    const place =
      ((Math.imul(this.#keyLow, 0x9e3779b1) ^ Math.imul(this.#keyHigh, 0x85ebca6b)) >>> 16) & (low.length - 1)
    if (low[place] !== this.#keyLow || high[place] !== this.#keyHigh) {
      this.#missed++
      low[place] = this.#keyLow
      high[place] = this.#keyHigh
      score[place] = this.#forest.score(this.#vector)
    }
    this.#score = score[place]!
  }

  #rank(): void {
    let above = 0
    const bin = Math.floor(this.#score * SCORE_BINS)
    for (let b = bin; b <= this.#top; b++) above += this.#scores[b]!
    this.surprise = -Math.log10(Math.min(1, (above + 0.5) / (this.#scored + 1)))
  }

  #note(): void {
    const bin = Math.floor(this.#score * SCORE_BINS)
    this.#scores[bin]!++
    if (bin > this.#top) this.#top = bin
    if (++this.#scored < DECAY_EVERY) return
    this.#scored = 0
    for (let b = 0; b < SCORE_BINS; b++) {
      this.#scores[b]! *= DECAY
      this.#scored += this.#scores[b]!
    }
  }

  #rebuild(): void {
    this.#untilRebuild = REBUILD_EVERY
    if (this.#seen < FIRST_BUILD) return
    const trees = this.#built ? REBUILT_TREES : SHAPE.trees
    const filled = Math.min(this.#seen, RESERVOIR)
    for (let i = 0; i < trees; i++) {
      let drawn = 0
      this.#forest.rebuild(this.#nextTree, this.#random, (into, at) => {
        const from = this.#random.index(filled) * DIMENSIONS
        for (let d = 0; d < DIMENSIONS; d++) into[at + d] = this.#reservoir[from + d]!
        if (drawn++ < SYNTHETIC) into[at + this.#random.index(DIMENSIONS)] = this.#random.below(STEPS_MAX)
      })
      this.#nextTree = (this.#nextTree + 1) % SHAPE.trees
    }
    this.#built = true
    // One miss in four places, and answers begin to push each other out.
    const places = this.#answers.low.length
    if (4 * this.#missed > places && places < KEPT_ANSWERS) this.#answers = noAnswers(2 * places)
    else this.#answers.low.fill(-1)
    this.#missed = 0
  }
}

function noAnswers(places: number) {
  return { low: new Int32Array(places).fill(-1), high: new Int32Array(places), score: new Float64Array(places) }
}

/** What is said about the scores as a whole: metrics every window, a line when they stop telling logs apart, and when they do again. */
import type { EventParts } from './kafka-events.ts'
import {
  SCORE_QUANTILES,
  SCORE_STATES,
  ScoreHealth,
  type ScoreReport,
  type ScoreState,
  troubleOf,
} from './score-health.ts'

/** While it lasts it is said again after this long. */
const SAY_AGAIN_MS = 900_000

export interface ModelStats {
  readonly services: number
  readonly warmServices: number
  readonly templates: number
  readonly overflowLogs: number
  readonly forgottenTemplates: number
}

const MODEL_GAUGES = ['services', 'warmServices', 'templates', 'overflowLogs', 'forgottenTemplates'] as const

export class ScoreNews {
  readonly #parts: EventParts
  readonly #clock: () => number
  readonly #health: ScoreHealth
  #state: ScoreState = 'unknown'
  #saidMs = Number.NEGATIVE_INFINITY

  constructor(parts: EventParts, clock: () => number) {
    this.#parts = parts
    this.#clock = clock
    this.#health = new ScoreHealth(clock())
    this.#show('unknown')
  }

  get report(): ScoreReport {
    return this.#health.report
  }

  /** Where every score and the counts of every batch go. */
  get health(): ScoreHealth {
    return this.#health
  }

  /** After a batch. */
  summarize(): void {
    const report = this.#health.close(this.#clock())
    if (report === null) return
    const { metrics } = this.#parts
    SCORE_QUANTILES.forEach((quantile, at) => {
      const score = report.quantiles?.[at]
      if (score !== undefined) metrics.scoreQuantile.set({ quantile: String(quantile) }, score)
    })
    if (report.drift !== null) metrics.scoreDrift.set(report.drift)
    metrics.anomalyShare.set(report.anomalyShare)
    metrics.fallbackShare.set(report.fallbackShare)
    this.#show(report.state)
    this.#say(report)
  }

  models(partitions: readonly ModelStats[]): void {
    const { metrics } = this.#parts
    for (const name of MODEL_GAUGES) metrics[name].set(partitions.reduce((sum, each) => sum + each[name], 0))
  }

  #say({ state, quantiles }: ScoreReport): void {
    const { voice } = this.#parts
    const before = this.#state
    this.#state = state
    if (state === 'unknown') return
    const trouble = troubleOf(state)
    if (trouble === null) {
      if (before !== 'unknown' && before !== 'discriminating')
        voice.info('scores_discriminate', '✓ The scores tell logs apart again', { state })
      return
    }
    const nowMs = this.#clock()
    if (state === before && nowMs - this.#saidMs < SAY_AGAIN_MS) return
    this.#saidMs = nowMs
    const median = quantiles?.[0] ?? 0
    const line = `The scores do not tell logs apart: ${trouble} (median ${median.toFixed(2)})`
    voice.warn('scores_do_not_discriminate', line, { state, median }, state)
  }

  #show(state: ScoreState): void {
    for (const each of SCORE_STATES) this.#parts.metrics.scoreState.set({ state: each }, each === state ? 1 : 0)
  }
}

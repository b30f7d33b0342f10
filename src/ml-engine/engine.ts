/**
 * The ML engine: one detector for all that is sent to it, in the order of arrival, with the answers of the original's contract.
 * While a service is young the seed's rules judge, as they do in the pipeline; both methods then answer the rules' score, so that
 * 0.4 of one and 0.6 of the other is the combined score always.
 */

import { readState, StateWriter } from '../anomaly/state-bytes.ts'
import type { Budget } from '../anomaly/threshold.ts'
import type { DetectorOptions } from '../anomaly/verdict.ts'
import type { LogEvent } from '../log.ts'
import { PROFILES, type ProfileDetector, type ProfileName } from '../scoring/profiles.ts'
import { ruleVerdict } from '../scoring/rule-scorer.ts'
import { AlertBook } from './alert-book.ts'
import { eventOf, type SentLog, serviceName } from './sent-log.ts'
import { ServiceWindows, WINDOW_MINUTES, type WindowStats } from './service-windows.ts'
import { TrainedForest, type TrainingRow } from './trained-forest.ts'

const FOREST_SHARE = 0.4
const WINDOW_SHARE = 0.6
const LOGS_PER_NOTING = 1_024
/** Begins the state of an engine, whose header and checksum are a snapshot's; and what it is beside the model, about. */
const STATE = 'ml-engine'
const STATE_BYTES = 1024 * 1024

export interface EngineOptions {
  /** ANOMALY_PROFILE; logs unless said. */
  readonly profile?: ProfileName | undefined
  readonly servicesMax: number
  readonly threshold: number
  /** In place of the threshold: so many anomalies a day, as in the pipeline. */
  readonly budget?: Omit<Budget, 'share'> | undefined
  /** Unix time in ms. */
  readonly now: () => number
  /** Told when a detector failed on a log and the rules judged it. */
  readonly failed: (error: unknown) => void
}

export const EXPLAIN_CHOICES = ['none', 'anomalies', 'all'] as const

/** What an answer should hold beside score and flag. */
export interface Wanted {
  readonly methods: boolean
  readonly explain: (typeof EXPLAIN_CHOICES)[number]
}

export interface Judgement {
  readonly is_anomaly: boolean
  readonly anomaly_score: number
  readonly methods?: {
    readonly isolation_forest: MethodJudgement<'isolation_forest'>
    readonly sliding_window: MethodJudgement<'sliding_window'> & {
      readonly metrics: { readonly error_rate: number; readonly latency_zscore: number; readonly total_logs: number }
    }
  }
  readonly explanation?: Readonly<Record<string, unknown>>
}

interface MethodJudgement<Method> {
  readonly is_anomaly: boolean
  readonly anomaly_score: number
  readonly method: Method
}

/** What became of one log, before it is put into words. */
interface Scores {
  readonly forest: number
  readonly windows: number
  readonly combined: number
  readonly isAnomaly: boolean
  readonly warm: boolean
  readonly templateId: number
  readonly explanation: string | null
}

export interface EngineCounts {
  readonly services: number
  readonly warmServices: number
  readonly templates: number
  readonly logs: number
  readonly anomalies: number
  /** Logs that the rules judged: their service was young, or the detector failed. */
  readonly byRules: number
}

export class ScoringEngine {
  readonly #options: EngineOptions
  readonly #windows: ServiceWindows
  #detector: ProfileDetector
  #trained: TrainedForest | null = null
  #logs = 0
  #anomalies = 0
  #byRules = 0
  /** Of the state, other than by logs. */
  #changes = 0
  readonly #alerts = new AlertBook()

  constructor(options: EngineOptions) {
    this.#options = options
    this.#windows = new ServiceWindows(options.servicesMax)
    this.#detector = this.#profile.create(this.#detectorOptions())
  }

  /** Judges, then learns. */
  score(sent: SentLog, wanted: Wanted): Judgement {
    const arrivalMs = this.#options.now()
    const event = eventOf(sent, arrivalMs)
    this.#windows.add(event, arrivalMs)
    const scores = this.#judge(event)
    if (++this.#logs % LOGS_PER_NOTING === 0) this.#noteAlerts()
    if (scores.isAnomaly) this.#anomalies++
    if (!scores.warm) this.#byRules++
    const { isAnomaly, combined } = scores
    const explained = wanted.explain === 'all' || (wanted.explain === 'anomalies' && isAnomaly)
    return {
      is_anomaly: isAnomaly,
      anomaly_score: combined,
      ...(wanted.methods ? { methods: this.#methods(event, scores) } : {}),
      ...(explained ? { explanation: this.#explanation(event, scores) } : {}),
    }
  }

  /** By the trained forest alone; by the rules until one is trained. Learns nothing. */
  predict(sent: SentLog): { anomaly_score: number; is_anomaly: boolean; method: 'isolation_forest' | 'rules' } {
    const event = eventOf(sent, this.#options.now())
    const forest = this.#trained
    const { score, isAnomaly } =
      forest === null ? ruleVerdict(event) : forest.predict(event.latencyMs ?? 0, event.level)
    return { anomaly_score: score, is_anomaly: isAnomaly, method: forest === null ? 'rules' : 'isolation_forest' }
  }

  /** The forest in use is replaced only by one that stands. */
  train(rows: readonly TrainingRow[]): void {
    this.#trained = TrainedForest.fit(rows)
    this.#changes++
  }

  /** null: no such service. */
  stats(service: string) {
    const name = serviceName(service)
    const stats = this.#windows.of(name, this.#options.now())
    if (stats === null) return null
    return {
      service: name,
      window_minutes: WINDOW_MINUTES,
      total_logs: stats.logs,
      error_count: stats.errors,
      error_rate: errorRate(stats),
      avg_latency: stats.latencyMean,
      max_latency: stats.latencyHighest,
      min_latency: stats.latencyLowest,
    }
  }

  /** Services that fell silent or whose traffic dropped, newest first: those that last, and the last that ended. */
  alerts() {
    this.#noteAlerts()
    return this.#alerts.newest()
  }

  snapshot(): Uint8Array {
    this.#noteAlerts()
    return this.#detector.snapshot()
  }

  /** null when it is in use now; else why not, and nothing has changed. */
  restore(state: Uint8Array): string | null {
    this.#noteAlerts()
    const restored = this.#profile.restore(state, this.#detectorOptions())
    if (typeof restored === 'string') return restored
    this.#detector = restored
    this.#changes++
    return null
  }

  /** All that a restart would lose for good: the model, and the forest that clients trained. */
  state(): Uint8Array {
    const model = this.snapshot()
    const bytes = new StateWriter()
    bytes.start(model.length + STATE_BYTES)
    bytes.text(STATE)
    bytes.number(model.length)
    bytes.numbers(model)
    bytes.number(this.#trained === null ? 0 : 1)
    this.#trained?.exchange(bytes)
    return bytes.finish()
  }

  /** null when the state is in use now; else why not, and nothing has changed. */
  resume(state: Uint8Array): string | null {
    const found = readState(state, (bytes) => {
      if (bytes.text('') !== STATE) throw new RangeError('not the state of an ML engine')
      const size = bytes.number(0)
      if (!(size >= 0 && size <= state.length)) throw new RangeError('model out of bounds')
      const model = new Uint8Array(size)
      bytes.numbers(model)
      return { model, trained: bytes.number(0) === 1 ? TrainedForest.restored(bytes) : null }
    })
    if (typeof found === 'string') return found
    const refused = this.restore(found.model)
    if (refused === null) this.#trained = found.trained
    return refused
  }

  /** Differs whenever there is something new in the state. */
  revision(): number {
    return this.#logs + this.#changes
  }

  counts(): EngineCounts {
    return { ...this.#detector.stats(), logs: this.#logs, anomalies: this.#anomalies, byRules: this.#byRules }
  }

  #judge(event: LogEvent): Scores {
    try {
      const verdict = this.#detector.scoreThenLearn(event)
      const { warm, score, isAnomaly, forestScore, windowScore, templateId, explanation } = verdict
      if (!warm) return byRules(event, templateId)
      return { forest: forestScore, windows: windowScore, combined: score, isAnomaly, warm, templateId, explanation }
    } catch (error) {
      this.#options.failed(error)
      return byRules(event, 0)
    }
  }

  /** Of the log judged last. What an ordinary log showed most is told too; the sentence then says that it is nothing unusual. */
  #explanation(event: LogEvent, scores: Scores): NonNullable<Judgement['explanation']> {
    const { templateId } = scores
    const detector = this.#detector
    const found = scores.explanation ?? ('explain' in detector ? detector.explain(event) : '{}')
    const why = scores.explanation === null ? { why: plainWhy(event, scores) } : {}
    return { ...JSON.parse(found), ...why, template_id: templateId, warm: scores.warm }
  }

  #methods(event: LogEvent, scores: Scores): NonNullable<Judgement['methods']> {
    const { threshold } = this.#options
    const flagged = (score: number): boolean => (scores.warm ? score >= threshold : scores.isAnomaly)
    const stats = this.#windows.around(event)
    return {
      isolation_forest: {
        is_anomaly: flagged(scores.forest),
        anomaly_score: scores.forest,
        method: 'isolation_forest',
      },
      sliding_window: {
        is_anomaly: flagged(scores.windows),
        anomaly_score: scores.windows,
        method: 'sliding_window',
        metrics: {
          error_rate: errorRate(stats),
          latency_zscore: zScore(event.latencyMs, stats),
          total_logs: stats.logs,
        },
      },
    }
  }

  /** The detector holds them until they are taken. */
  #noteAlerts(): void {
    for (const alert of this.#detector.takeAlerts(0)) this.#alerts.note(alert)
  }

  get #profile() {
    return PROFILES[this.#options.profile ?? 'logs']
  }

  #detectorOptions(): DetectorOptions {
    const { servicesMax, threshold, budget } = this.#options
    const usual = { seed: 0, servicesMax, threshold }
    return budget === undefined ? usual : { ...usual, budget: { ...budget, share: 1 } }
  }
}

function byRules(event: LogEvent, templateId: number): Scores {
  const { score, isAnomaly } = ruleVerdict(event)
  const combined = FOREST_SHARE * score + WINDOW_SHARE * score
  return { forest: score, windows: score, combined, isAnomaly, warm: false, templateId, explanation: null }
}

function plainWhy(event: LogEvent, scores: Scores): string {
  if (scores.warm) return 'nothing unusual'
  return scores.isAnomaly
    ? `${event.level} with a latency of ${event.latencyMs ?? 0} ms; too few logs of this service yet to say what is usual`
    : 'too few logs of this service yet to say what is usual'
}

function errorRate({ logs, errors }: WindowStats): number {
  return logs === 0 ? 0 : errors / logs
}

function zScore(latencyMs: number | null, { latencyMean, latencyDeviation }: WindowStats): number {
  return latencyMs === null || latencyDeviation === 0 ? 0 : (latencyMs - latencyMean) / latencyDeviation
}

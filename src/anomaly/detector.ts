/**
 * How unusual is this log? One detector a partition. Its state follows from the partition's records and its seed alone, so that
 * a restored snapshot fed the records after it gives, bit for bit, the scores of an uninterrupted run.
 *
 *   log -> template, windows -> surprises by channel -> 0.4 forest over all of them + 0.6 strongest of them -> score; then learn
 */
import { LEVELS, type LogEvent } from '../log.ts'
import * as channel from './channels.ts'
import { EventClock } from './event-clock.ts'
import { BUCKET_SECONDS, ERRORS, LATENCIES, LOGS, SLOW } from './event-windows.ts'
import { explain } from './explanation.ts'
import { DIMENSIONS, JointSurprise } from './joint-surprise.ts'
import { ERROR, Levels } from './levels.ts'
import { shareSurprise, softScore, sustained } from './probability.ts'
import { SeededRandom } from './seeded-random.ts'
import { ServiceState } from './service-state.ts'
import { type StateBytes, StateReader, StateWriter } from './state-bytes.ts'
import { TemplateMiner } from './template-miner.ts'
import { NOVELTY, TemplateBudget } from './template-store.ts'
import { type Budget, BudgetThreshold } from './threshold.ts'

const WARM_LOGS = 50
/** A service of so few logs counts by half. */
const YOUNG_LOGS = 100
const OVERFLOW_SERVICE = '__other__'
/** A window's surprise counts this much, at most, for logs that show nothing of it themselves. */
const BYSTANDER_SURPRISE = 2
const SLOW_QUANTILE = 0.99
const SLOW_USUAL = 0.022
const UNREMARKABLE = 0.7
const WINDOW_HALF = 2.2
const FOREST_HALF = 2
const THRESHOLD = 0.65

export interface DetectorOptions {
  readonly seed: number
  /** Services with a state of their own; later ones share one. */
  readonly servicesMax: number
  /** The score from which a log is an anomaly. */
  readonly threshold?: number
  /** In place of the threshold: so many anomalies a day. */
  readonly budget?: Budget
}

/** What the detector says of one log. The same object is given for every log. */
export interface Verdict {
  /** In [0, 1); meaningless unless `warm`. */
  score: number
  isAnomaly: boolean
  /** False while the service has too few logs for a judgement. */
  warm: boolean
  /** Of the isolation forest and of the windows, each in [0, 1). */
  forestScore: number
  windowScore: number
  explanation: string | null
}

export class Detector {
  readonly #options: DetectorOptions
  readonly #random: SeededRandom
  readonly #joint: JointSurprise
  readonly #budget: BudgetThreshold | null
  readonly #miner = new TemplateMiner()
  readonly #templateBudget = new TemplateBudget()
  readonly #services = new Map<string, ServiceState>()
  readonly #everyone = new Levels()
  readonly #clock = new EventClock()
  readonly #findings = channel.emptyFindings()
  readonly #vector = new Float64Array(DIMENSIONS)
  readonly #verdict: Verdict = {
    score: 0,
    isAnomaly: false,
    warm: false,
    forestScore: 0,
    windowScore: 0,
    explanation: null,
  }

  constructor(options: DetectorOptions) {
    this.#options = options
    this.#random = new SeededRandom(options.seed)
    this.#joint = new JointSurprise(this.#random)
    this.#budget = options.budget === undefined ? null : new BudgetThreshold(options.budget)
  }

  /** Of the log judged last; overwritten by the next. */
  get findings(): channel.Findings {
    return this.#findings
  }

  /** Latest event time believed, in epoch ms; 0 before the first log. */
  get watermarkMs(): number {
    return this.#clock.watermarkMs
  }

  stats(): { services: number; warmServices: number; templates: number } {
    let warmServices = 0
    let templates = 0
    for (const service of this.#services.values()) {
      if (service.logs >= WARM_LOGS) warmServices++
      templates += service.templates.size
    }
    return { services: this.#services.size, warmServices, templates }
  }

  scoreThenLearn(event: LogEvent): Verdict {
    const timeMs = this.#clock.timeOf(event)
    const bucket = Math.floor(timeMs / (BUCKET_SECONDS * 1000))
    const service = this.#service(event.service)
    service.advance(Math.floor(this.#clock.watermarkMs / (BUCKET_SECONDS * 1000)))
    const severity = LEVELS.indexOf(event.level)
    const at = this.#look({ event, service, severity, bucket, seconds: timeMs / 1000 })
    this.#judge(event, service)
    this.#learn({ event, service, severity, at })
    return this.#verdict
  }

  snapshot(): Uint8Array {
    const bytes = new StateWriter()
    this.#clock.exchange(bytes)
    this.#random.exchange(bytes)
    this.#joint.exchange(bytes)
    this.#everyone.exchange(bytes)
    this.#exchangeBudget(bytes)
    this.#miner.exchange(bytes)
    bytes.number(this.#services.size)
    for (const [name, service] of this.#services) {
      bytes.text(name)
      service.exchange(bytes)
    }
    return bytes.finish()
  }

  /** The detector that gave this snapshot, or a sentence on why there is none. */
  static restore(state: Uint8Array, options: DetectorOptions): Detector | string {
    const bytes = new StateReader(state)
    if (bytes.flaw !== null) return bytes.flaw
    try {
      const detector = new Detector(options)
      detector.#clock.exchange(bytes)
      detector.#random.exchange(bytes)
      detector.#joint.exchange(bytes)
      detector.#everyone.exchange(bytes)
      detector.#exchangeBudget(bytes)
      detector.#miner.exchange(bytes)
      for (let left = bytes.number(); left > 0; left--) {
        const name = bytes.text()
        const service = new ServiceState(detector.#templateBudget)
        service.exchange(bytes)
        detector.#services.set(name, service)
      }
      return bytes.ended ? detector : 'bytes are left over'
    } catch (error) {
      if (error instanceof RangeError) return error.message
      throw error
    }
  }

  /** A snapshot without a budget begins one; a budget in it that is no longer asked for is read and forgotten. */
  #exchangeBudget(bytes: StateBytes): void {
    const kept = bytes.number(this.#budget === null ? 0 : 1) === 1
    if (kept) (this.#budget ?? new BudgetThreshold({ perDay: null, perServiceDay: null, share: 1 })).exchange(bytes)
  }

  #service(name: string): ServiceState {
    const known = this.#services.get(name)
    if (known !== undefined) return known
    if (this.#services.size >= this.#options.servicesMax && name !== OVERFLOW_SERVICE)
      return this.#service(OVERFLOW_SERVICE)
    const service = new ServiceState(this.#templateBudget)
    this.#services.set(name, service)
    return service
  }

  /** Fills the findings; gives the place of the log's template. */
  #look(log: { event: LogEvent; service: ServiceState; severity: number; bucket: number; seconds: number }): number {
    const { event, service, severity, bucket } = log
    const { windows, templates, novelty } = service
    const { surprises, observed, expected } = this.#findings
    surprises.fill(0)
    windows.count(bucket, LOGS)
    if (severity >= ERROR) windows.count(bucket, ERRORS)
    const at = this.#template(event.message, service, severity)
    novelty.touch(templates, at, log.seconds)
    surprises[channel.TEMPLATE] = novelty.templateSurprise(templates, at, severity)
    surprises[channel.TEMPLATE_BURST] = service.burst.calibrate(
      service.volume.known ? novelty.burstSurprise(templates, at, service.volume.perMinute) : 0,
    )
    observed[channel.TEMPLATE_BURST] = novelty.observedBurst(templates, at)
    expected[channel.TEMPLATE_BURST] = novelty.expectedBurst(templates, at, service.volume.perMinute)
    surprises[channel.LEVEL] = service.levels.levelSurprise(severity, this.#everyone)
    expected[channel.LEVEL] = service.levels.shareOf(severity)
    const ownError = severity >= ERROR ? Number.POSITIVE_INFINITY : BYSTANDER_SURPRISE
    surprises[channel.ERROR_RATE] = Math.min(ownError, this.#errorSurprise(service))
    observed[channel.ERROR_RATE] = windows.minute(ERRORS) / Math.max(1, windows.minute(LOGS))
    expected[channel.ERROR_RATE] = service.levels.errorShare
    surprises[channel.SURGE] = service.surge.calibrate(service.volume.surgeSurprise(windows.minute(LOGS)))
    observed[channel.SURGE] = windows.minute(LOGS)
    expected[channel.SURGE] = service.volume.perMinute
    if (event.latencyMs !== null) this.#lookAtLatency({ latencyMs: event.latencyMs, service, at, bucket })
    return at
  }

  #lookAtLatency(log: { latencyMs: number; service: ServiceState; at: number; bucket: number }): void {
    const { latency, windows } = log.service
    const { surprises, observed, expected } = this.#findings
    latency.look(log.latencyMs, log.service.templates, log.at)
    windows.count(log.bucket, LATENCIES)
    const slow = latency.quantile > SLOW_QUANTILE
    if (slow) windows.count(log.bucket, SLOW)
    surprises[channel.LATENCY] = latency.pointSurprise
    surprises[channel.LATENCY_SHIFT] = log.service.shift.calibrate(latency.shiftSurprise())
    const lately = shareSurprise(windows.minute(SLOW), windows.minute(LATENCIES), SLOW_USUAL)
    const longer = shareSurprise(windows.fiveMinutes(SLOW), windows.fiveMinutes(LATENCIES), SLOW_USUAL)
    const share = log.service.exceedance.calibrate(sustained(lately, longer))
    surprises[channel.SLOW_SHARE] = slow ? share : Math.min(BYSTANDER_SURPRISE, share)
    observed[channel.LATENCY] = observed[channel.LATENCY_SHIFT] = log.latencyMs
    expected[channel.LATENCY] = expected[channel.LATENCY_SHIFT] = Math.exp(latency.expectedLog)
    observed[channel.SLOW_SHARE] = windows.fiveMinutes(SLOW) / Math.max(1, windows.fiveMinutes(LATENCIES))
    expected[channel.SLOW_SHARE] = 1 - SLOW_QUANTILE
  }

  #errorSurprise({ levels, windows }: ServiceState): number {
    return sustained(
      levels.errorSurprise(windows.minute(ERRORS), windows.minute(LOGS)),
      levels.errorSurprise(windows.fiveMinutes(ERRORS), windows.fiveMinutes(LOGS)),
    )
  }

  #template(message: string, service: ServiceState, severity: number): number {
    const id = this.#miner.idOf(message)
    const known = service.templates.find(id)
    if (known >= 0) return known
    const at = service.templates.add(id)
    service.templates.values[at + NOVELTY] = service.novelty.birthSurprise(severity)
    return at
  }

  /** 0.4 forest + 0.6 windows, on surprises of which the strongest counts. */
  #judge(event: LogEvent, service: ServiceState): void {
    const verdict = this.#verdict
    const s = this.#findings.surprises
    let strongest = 0
    for (let c = 0; c < s.length; c++) if (s[c]! > strongest) strongest = s[c]!
    this.#vector[0] = s[channel.LATENCY]!
    this.#vector[1] = s[channel.LATENCY_SHIFT]!
    this.#vector[2] = s[channel.SLOW_SHARE]!
    this.#vector[3] = Math.max(s[channel.LEVEL]!, s[channel.TEMPLATE]!)
    this.#vector[4] = Math.max(s[channel.TEMPLATE]!, s[channel.TEMPLATE_BURST]!)
    this.#vector[5] = s[channel.ERROR_RATE]!
    this.#vector[6] = s[channel.SURGE]!
    strongest *= service.logs / (service.logs + YOUNG_LOGS)
    const joint = this.#joint.look(this.#vector)
    verdict.windowScore = softScore(strongest - UNREMARKABLE, WINDOW_HALF)
    verdict.forestScore = this.#joint.ready ? softScore(joint, FOREST_HALF) : 0.8 * verdict.windowScore
    verdict.score = 0.4 * verdict.forestScore + 0.6 * verdict.windowScore
    verdict.warm = service.logs >= WARM_LOGS
    verdict.isAnomaly = verdict.warm && this.#isAnomaly(verdict.score, service)
    verdict.explanation = verdict.isAnomaly ? explain(this.#findings, event) : null
  }

  #isAnomaly(score: number, service: ServiceState): boolean {
    if (this.#budget === null) return score >= (this.#options.threshold ?? THRESHOLD)
    return this.#budget.decide({ score, seconds: this.#clock.watermarkMs / 1000, service: service.spending })
  }

  #learn(log: { event: LogEvent; service: ServiceState; severity: number; at: number }): void {
    const { service, at } = log
    const s = this.#findings.surprises
    service.noteAlarm(
      Math.max(s[channel.LATENCY_SHIFT]!, s[channel.SLOW_SHARE]!, s[channel.ERROR_RATE]!, s[channel.SURGE]!),
    )
    const weight = service.learningWeight
    if (log.event.latencyMs !== null) service.latency.learn(service.templates, at, weight)
    service.levels.learn(log.severity, weight)
    this.#everyone.learn(log.severity, weight)
    service.novelty.learn(service.templates, at, service.block, log.severity)
    service.logs++
    // A young service surprises in everything; the forest would take that for usual.
    // What is learned does not depend on what people want to be told of: other thresholds, same scores.
    if (this.#verdict.warm) this.#joint.learn(this.#verdict.score < THRESHOLD && weight === 1)
  }
}

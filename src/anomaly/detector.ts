/**
 * How unusual is this log? One detector a partition. Its state follows from the partition's records and its seed alone, so that
 * a restored snapshot fed the records after it gives, bit for bit, the scores of an uninterrupted run.
 *
 *   log -> template, windows -> surprises by channel -> 0.4 forest over all of them + 0.6 strongest of them -> score; then learn
 */

import { FORM } from '../json-string.ts'
import { LEVELS, type LogEvent } from '../log.ts'
import { PooledLog } from '../log-pool.ts'
import type { ServiceAlert } from '../service-alert.ts'
import * as channel from './channels.ts'
import { EventClock } from './event-clock.ts'
import { BUCKET_SECONDS } from './event-windows.ts'
import { explain, TEMPLATE_LENGTH_MAX } from './explanation.ts'
import { JointSurprise } from './joint-surprise.ts'
import { Levels } from './levels.ts'
import { LogSurprises, type Placed } from './log-surprises.ts'
import { softScore } from './probability.ts'
import { alertOf } from './quiet-alert.ts'
import type { Quiet } from './quiet-watch.ts'
import { SeededRandom } from './seeded-random.ts'
import { ServiceState } from './service-state.ts'
import { ServiceTable } from './service-table.ts'
import { readState, type StateBytes, StateWriter } from './state-bytes.ts'
import { TemplateMiner } from './template-miner.ts'
import { NOVELTY, TemplateBudget } from './template-store.ts'
import { AnomalyThreshold, THRESHOLD } from './threshold.ts'
import { type DetectorOptions, type DetectorStats, emptyVerdict, type Verdict } from './verdict.ts'

const WARM_LOGS = 50
/** A service of so few logs counts by half, beyond what makes no anomaly by itself. */
const YOUNG_LOGS = 100
const UNDECIDED = 0.5
const UNREMARKABLE = 0.5
const WINDOW_HALF = 2.08
const FOREST_HALF = 2
/**
 * The forest confirms the windows or doubts them, within these bounds: a share of what they say, and so much more than it. One thing
 * alone, however strange, is ordinary as a combination, and a few common things at once are a rare one. Without a forest: FOREST_SHARE.
 */
const FOREST_LEAST = 0.7
const FOREST_MORE = 0.05
const FOREST_SHARE = 0.8
const BUCKET_MS = BUCKET_SECONDS * 1000
/** In a snapshot: everything but the services, when the miner knows no more than a few thousand kinds. */
const FIXED_BYTES = 512 * 1024

export class Detector {
  readonly #random: SeededRandom
  readonly #joint: JointSurprise
  readonly #threshold: AnomalyThreshold
  readonly #miner = new TemplateMiner()
  readonly #templateBudget = new TemplateBudget()
  readonly #services: ServiceTable
  readonly #everyone = new Levels()
  readonly #clock = new EventClock()
  readonly #surprises = new LogSurprises(this.#everyone)
  readonly #alerts: { service: string; quiet: Quiet }[] = []
  /** The bucket that event time is in. */
  #bucket = -1
  /** One object for all logs. */
  #log: Placed | null = null
  readonly #verdict = emptyVerdict()

  constructor(options: DetectorOptions) {
    this.#random = new SeededRandom(options.seed)
    this.#joint = new JointSurprise(this.#random)
    this.#threshold = new AnomalyThreshold(options)
    this.#services = new ServiceTable({
      max: options.servicesMax,
      create: () => new ServiceState(this.#templateBudget),
      evicted: ({ name, state }) => {
        state.templates.release()
        this.#noteQuiet(name, state.quiet.abandon(this.#bucket * BUCKET_MS))
      },
    })
  }

  /** Latest event time believed, in epoch ms; 0 before the first log. */
  get watermarkMs(): number {
    return this.#clock.watermarkMs
  }

  /** Of the log judged last; overwritten by the next. */
  get findings(): channel.Findings {
    return this.#surprises.findings
  }

  /** What was most unusual about the log judged last, as JSON, whether it is an anomaly or not. To be asked before the next one. */
  explain({ level, message, latencyMs }: LogEvent): string {
    const { templateId, warm } = this.#verdict
    const service = this.#log?.service
    const usualLatency = latencyMs === null || service === undefined ? null : service.latency.usual
    return explain(this.findings, {
      level,
      template: this.#miner.textOf(message, TEMPLATE_LENGTH_MAX),
      templateId,
      baselineLogs: service?.logs ?? 0,
      warm,
      usualLatency,
    })
  }

  stats(): DetectorStats {
    let warmServices = 0
    let templates = this.#services.overflow?.templates.size ?? 0
    for (const { state } of this.#services.seated) {
      if (state.logs >= WARM_LOGS) warmServices++
      templates += state.templates.size
    }
    const { overflowLogs, seated } = this.#services
    const { forgotten } = this.#templateBudget
    return { services: seated.length, warmServices, templates, overflowLogs, forgottenTemplates: forgotten }
  }

  scoreThenLearn(event: LogEvent): Verdict {
    const log = this.#place(event)
    this.#surprises.look(log)
    this.#judge(log)
    this.#learn(log)
    return this.#verdict
  }

  /** Services that fell silent, dropped or recovered since the last call. Taken before a snapshot, which doesn't hold them. */
  takeAlerts(partition: number): ServiceAlert[] {
    return this.#alerts.splice(0).map(({ service, quiet }) => alertOf({ partition, service, quiet }))
  }

  /** About how long a snapshot is. */
  get snapshotBytes(): number {
    return FIXED_BYTES + this.#services.bytes
  }

  /** The state so far, written by `bytes`, whose memory it is. */
  snapshot(bytes = new StateWriter()): Uint8Array {
    bytes.start(this.snapshotBytes)
    this.#exchange(bytes)
    return bytes.finish()
  }

  /** The detector that gave this snapshot, or a sentence on why there is none. */
  static restore(state: Uint8Array, options: DetectorOptions): Detector | string {
    return readState(state, (bytes) => {
      const detector = new Detector(options)
      detector.#exchange(bytes)
      return detector
    })
  }

  #exchange(bytes: StateBytes): void {
    this.#clock.exchange(bytes)
    this.#bucket = bytes.number(this.#bucket)
    this.#random.exchange(bytes)
    this.#joint.exchange(bytes)
    this.#everyone.exchange(bytes)
    this.#threshold.exchange(bytes)
    this.#miner.exchange(bytes)
    this.#services.exchange(bytes)
  }

  /** Moves event time, and finds the log's service and template. */
  #place(event: LogEvent): Placed {
    this.#clock.place(event)
    const { timeMs } = this.#clock
    const now = Math.floor(this.#clock.watermarkMs / BUCKET_MS)
    if (now !== this.#bucket) this.#tick(now)
    const bucket = Math.floor(timeMs / BUCKET_MS)
    const service = this.#services.of(event.service, now)
    service.advance(now)
    service.quiet.note(bucket)
    const severity = LEVELS.indexOf(event.level)
    const template = this.#template(event, service, severity)
    const seconds = timeMs / 1000
    const log = this.#log ?? { event, service, severity, bucket, seconds, template }
    log.event = event
    log.service = service
    log.severity = severity
    log.bucket = bucket
    log.seconds = seconds
    log.template = template
    this.#log = log
    return log
  }

  /** Event time enters another bucket: for all services, also those without a log. */
  #tick(bucket: number): void {
    this.#bucket = bucket
    this.#services.overflow?.advance(bucket)
    for (const { name, state } of this.#services.seated) {
      state.advance(bucket)
      const quiet = state.quiet.look(state.windows, state.volume, state.quietness)
      if (quiet !== null) this.#noteQuiet(name, quiet)
    }
  }

  #noteQuiet(service: string, quiet: Quiet | null): void {
    if (quiet !== null) this.#alerts.push({ service, quiet })
  }

  /** From where the message lies, if it was not read yet. */
  #templateId(event: LogEvent): number {
    if (!(event instanceof PooledLog)) return this.#miner.idOf(event.message)
    const { bytes, messageAt, messageBytes, messageForm } = event
    if (messageForm === FORM.ascii) return this.#miner.idOfAscii(bytes, messageAt, messageBytes)
    return this.#miner.idOfJson(bytes, messageAt, messageBytes)
  }

  /** Where the template's columns begin; a new one gets its place, and the surprise of being new. */
  #template(event: LogEvent, service: ServiceState, severity: number): number {
    const id = this.#templateId(event)
    this.#verdict.templateId = id
    const known = service.templates.find(id)
    if (known >= 0) return known
    const at = service.templates.add(id)
    service.templates.values[at + NOVELTY] = service.novelty.birthSurprise(severity)
    return at
  }

  /** 0.4 forest + 0.6 windows, on surprises of which the strongest counts. */
  #judge({ event, service }: Placed): void {
    const verdict = this.#verdict
    const { surprises } = this.findings
    let strongest = 0
    for (let c = 0; c < surprises.length; c++) if (surprises[c]! > strongest) strongest = surprises[c]!
    const known = strongest * (service.logs / (service.logs + YOUNG_LOGS))
    this.#joint.look(surprises)
    const undecided = Math.min(UNDECIDED, softScore(strongest - UNREMARKABLE, WINDOW_HALF))
    verdict.windowScore = Math.max(undecided, softScore(known - UNREMARKABLE, WINDOW_HALF))
    verdict.forestScore = this.#joint.ready
      ? confirmed(softScore(this.#joint.surprise, FOREST_HALF), verdict.windowScore)
      : FOREST_SHARE * verdict.windowScore
    verdict.score = 0.4 * verdict.forestScore + 0.6 * verdict.windowScore
    verdict.warm = service.logs >= WARM_LOGS
    verdict.isAnomaly = verdict.warm && this.#threshold.decide(verdict.score, this.#clock, service)
    verdict.explanation = verdict.isAnomaly ? this.explain(event) : null
  }

  #learn({ event, service, severity, template }: Placed): void {
    const s = this.findings.surprises
    service.noteAlarm(
      Math.max(s[channel.LATENCY_SHIFT]!, s[channel.SLOW_SHARE]!, s[channel.ERROR_RATE]!, s[channel.SURGE]!),
    )
    const weight = service.learningWeight
    if (event.latencyMs !== null) service.latency.learn(service.templates, template, weight)
    service.levels.learn(severity, weight)
    this.#everyone.learn(severity, weight)
    service.novelty.learn(service.templates, template, service.block, severity)
    service.count()
    // A young service surprises in everything; the forest would take that for usual.
    // What is learned does not depend on what people want to be told of: other thresholds, same scores.
    if (this.#verdict.warm) this.#joint.learn(this.#verdict.score < THRESHOLD && weight === 1)
  }
}

/** The forest's score, held near that of the windows. */
function confirmed(forest: number, windows: number): number {
  return Math.max(FOREST_LEAST * windows, Math.min(windows + FOREST_MORE, forest))
}

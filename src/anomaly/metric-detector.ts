/**
 * How unusual is this number? The detector for scalar series (ANOMALY_PROFILE=metrics): each log carries one value of a series in its
 * `latencyMs`; the series is the log's service and kind of message. Unlike with logs, values may be unusual in both directions, and
 * time is counted in values, since series come every second or every hour.
 *
 *   value -> residuals -> surprises by channel -> 0.4 forest over all of them + 0.6 strongest of them -> score; then learn
 *
 * The forest raises what is unusual in its combination only. An incident is told once: what is no more unusual than a value shortly
 * before counts a quarter. What it is bad at: slow drifts, a rhythm other than of a week, the first thirty values of a series.
 */
import type { LogEvent } from '../log.ts'
import type { ServiceAlert } from '../service-alert.ts'
import { EventClock } from './event-clock.ts'
import { DIMENSIONS, JointSurprise } from './joint-surprise.ts'
import { templateId } from './message-template.ts'
import { explainMetric } from './metric-explanation.ts'
import { MetricSeries } from './metric-series.ts'
import { softScore } from './probability.ts'
import { SeededRandom } from './seeded-random.ts'
import { readState, SNAPSHOT_FORMAT, type StateBytes, StateWriter } from './state-bytes.ts'
import { AnomalyThreshold, THRESHOLD } from './threshold.ts'
import { type DetectorOptions, type DetectorStats, emptyVerdict, type Verdict } from './verdict.ts'

/** Other than the format for logs, so that a snapshot of one profile is not taken for one of the other. */
export const METRIC_SNAPSHOT_FORMAT = 1000 + SNAPSHOT_FORMAT
/** Values of a series before it counts as warm. */
const WARM_VALUES = 30
/** Event time may run this far ahead of the record's own. */
const AHEAD_MS = 60_000
const UNREMARKABLE = 0.7
const WINDOW_HALF = 1.6
const FOREST_UNREMARKABLE = 2.5
const FOREST_HALF = 1
/** What a value counts that is no news. */
const TOLD = 0.25
/** In a snapshot: everything but the series, and the name of a service. */
const FIXED_BYTES = 256 * 1024
const NAME_BYTES = 64

export class MetricDetector {
  readonly #seriesMax: number
  readonly #random: SeededRandom
  readonly #joint: JointSurprise
  readonly #threshold: AnomalyThreshold
  readonly #clock = new EventClock()
  /** By service, then by the kind of message. */
  readonly #services = new Map<string, Map<number, MetricSeries>>()
  #size = 0
  #overflowLogs = 0
  readonly #vector = new Float64Array(DIMENSIONS)
  readonly #verdict: Verdict = { ...emptyVerdict(), warm: true }

  constructor(options: DetectorOptions) {
    this.#seriesMax = options.servicesMax
    this.#random = new SeededRandom(options.seed)
    this.#joint = new JointSurprise(this.#random)
    this.#threshold = new AnomalyThreshold(options)
  }

  /** Latest event time believed, in epoch ms; 0 before the first log. */
  get watermarkMs(): number {
    return this.#clock.watermarkMs
  }

  /** Here a service is a series. */
  stats(): DetectorStats {
    let warmServices = 0
    for (const kinds of this.#services.values()) {
      for (const series of kinds.values()) if (series.count >= WARM_VALUES) warmServices++
    }
    const size = this.#size
    return { services: size, warmServices, templates: size, overflowLogs: this.#overflowLogs, forgottenTemplates: 0 }
  }

  /** A log without a value, or of a series beyond `servicesMax`, scores 0. */
  scoreThenLearn(event: LogEvent): Verdict {
    this.#clock.place(event)
    const verdict = this.#verdict
    verdict.score = verdict.forestScore = verdict.windowScore = 0
    verdict.isAnomaly = false
    verdict.explanation = null
    verdict.templateId = 0
    if (event.latencyMs === null) return verdict
    const series = this.#seriesOf(event)
    if (series === null) return verdict
    const { createdAt, recordTimestamp } = event
    const timeMs = recordTimestamp === null ? createdAt : Math.min(createdAt, recordTimestamp + AHEAD_MS)
    series.lookThenLearn(event.latencyMs, Math.max(0, timeMs) / 1000)
    this.#judge(event, series)
    return verdict
  }

  /** Silence and drops belong to logs: a metric that is not there says nothing. */
  takeAlerts(_partition: number): ServiceAlert[] {
    return []
  }

  /** The state so far, written by `bytes`, whose memory it is. */
  snapshot(bytes = new StateWriter()): Uint8Array {
    bytes.start(this.snapshotBytes)
    this.#exchange(bytes)
    bytes.number(MetricSeries.bytes)
    bytes.number(this.#services.size)
    for (const [name, kinds] of this.#services) {
      bytes.text(name)
      bytes.number(kinds.size)
      for (const [kind, series] of kinds) {
        bytes.number(kind)
        series.exchange(bytes)
      }
    }
    return bytes.finish()
  }

  /** The detector that gave this snapshot, or a sentence on why there is none. */
  static restore(state: Uint8Array, options: DetectorOptions): MetricDetector | string {
    return readState(state, (bytes) => {
      const detector = new MetricDetector(options)
      detector.#exchange(bytes)
      if (bytes.number(MetricSeries.bytes) !== MetricSeries.bytes) throw new RangeError('series of another layout')
      for (let services = bytes.number(0); services > 0; services--) detector.#readService(bytes)
      return detector
    })
  }

  /** About how long a snapshot is. */
  get snapshotBytes(): number {
    return FIXED_BYTES + this.#services.size * NAME_BYTES + this.#size * (MetricSeries.bytes + 8)
  }

  #exchange(bytes: StateBytes): void {
    if (bytes.text('metrics') !== 'metrics') throw new RangeError('not a snapshot of metrics')
    this.#clock.exchange(bytes)
    this.#random.exchange(bytes)
    this.#joint.exchange(bytes)
    this.#overflowLogs = bytes.number(this.#overflowLogs)
    this.#threshold.exchange(bytes)
  }

  #readService(bytes: StateBytes): void {
    const kinds = new Map<number, MetricSeries>()
    this.#services.set(bytes.text(''), kinds)
    for (let left = bytes.number(0); left > 0; left--) {
      const kind = bytes.number(0)
      const series = new MetricSeries()
      series.exchange(bytes)
      kinds.set(kind, series)
      this.#size++
    }
  }

  #seriesOf({ service, message }: LogEvent): MetricSeries | null {
    const kind = templateId(message)
    this.#verdict.templateId = kind
    const kinds = this.#services.get(service)
    const known = kinds?.get(kind)
    if (known !== undefined) return known
    if (this.#size >= this.#seriesMax) {
      this.#overflowLogs++
      return null
    }
    this.#size++
    const series = new MetricSeries()
    if (kinds === undefined) this.#services.set(service, new Map([[kind, series]]))
    else kinds.set(kind, series)
    return series
  }

  /** 0.4 forest + 0.6 windows; learns the combination. */
  #judge(event: LogEvent, series: MetricSeries): void {
    const verdict = this.#verdict
    fill(this.#vector, series.surprises)
    this.#joint.lookAt(this.#vector)
    verdict.windowScore = softScore(series.strongest - UNREMARKABLE, WINDOW_HALF)
    verdict.forestScore = Math.max(
      verdict.windowScore,
      softScore(this.#joint.surprise - FOREST_UNREMARKABLE, FOREST_HALF),
    )
    verdict.score = 0.4 * verdict.forestScore + 0.6 * verdict.windowScore
    this.#joint.learn(verdict.score < THRESHOLD)
    if (!series.isNews(verdict.score)) {
      verdict.forestScore *= TOLD
      verdict.windowScore *= TOLD
      verdict.score *= TOLD
    }
    verdict.isAnomaly = this.#threshold.decide(verdict.score, this.#clock, series)
    if (verdict.isAnomaly) verdict.explanation = explainMetric(event, series)
  }
}

/** Jump and level by direction, the others by the stronger direction. */
function fill(vector: Float64Array, surprises: Float64Array): void {
  for (let i = 0; i < 4; i++) vector[i] = surprises[i]!
  for (let i = 4; i < vector.length; i++) vector[i] = Math.max(surprises[2 * i - 4]!, surprises[2 * i - 3]!)
}

/** What became of the logs: counted per batch; a line per log while they are few, else a summary a second. */
import type { Events } from '../events.ts'
import type { Reject, ScoredLog } from '../log.ts'
import { isMuted } from '../mute.ts'
import type { CommitOutcome, ReadyRange } from '../pipeline.ts'
import type { ServiceAlert } from '../service-alert.ts'
import { sayProcessed } from './console-lines.ts'
import { FloodWatch } from './flood-watch.ts'
import type { EventParts } from './kafka-events.ts'
import { RateGate } from './rate-gate.ts'
import type { ScoreNews } from './score-events.ts'

const SUMMARY_INTERVAL_MS = 1000

export interface BatchParts extends EventParts {
  readonly scores: ScoreNews
  readonly logsPerSecondMax: number
  readonly clock: () => number
  readonly now: () => number
}

/** Totals since the start. */
export interface BatchTotals {
  logsStored: number
  anomalies: number
  deadLetters: number
}

export class BatchNews {
  readonly totals: BatchTotals = { logsStored: 0, anomalies: 0, deadLetters: 0 }
  readonly #parts: BatchParts
  readonly #rate: RateGate
  readonly #flood: FloodWatch
  /** Not yet told in a line. */
  #untold: BatchTotals = { logsStored: 0, anomalies: 0, deadLetters: 0 }
  #untoldSinceMs: number

  constructor(parts: BatchParts) {
    this.#parts = parts
    this.#rate = new RateGate(parts.logsPerSecondMax, parts.clock)
    this.#flood = new FloodWatch(parts.clock)
    this.#untoldSinceMs = parts.clock()
  }

  /** True while every log gets its line, and therefore needs its id before it is stored. */
  get perLog(): boolean {
    return this.#rate.open
  }

  finished({ batch, outcomes, durationMs }: Parameters<Events['batchFinished']>[0]): void {
    const { metrics, health } = this.#parts
    if (outcomes.length === 0) return
    metrics.batchDuration.observe(durationMs / 1000)
    const readyOf = new Map(batch.ranges.map((each) => [each.range, each]))
    const stored: { ready: ReadyRange; outcome: CommitOutcome }[] = []
    for (const outcome of outcomes) {
      metrics.batches.inc({ outcome: outcome.kind })
      const ready = readyOf.get(outcome.range)
      if (ready !== undefined && (outcome.kind === 'committed' || outcome.kind === 'duplicate'))
        stored.push({ ready, outcome })
    }
    if (stored.length > 0) health.postgresUp()
    this.#rate.add(stored.reduce((sum, { ready }) => sum + ready.logs.length, 0))
    const perLog = this.#rate.open
    for (const { ready, outcome } of stored) this.#rangeStored(ready, outcome, perLog)
    this.#parts.scores.summarize()
    this.summarize()
  }

  /** One line for the logs that had none, at most once a second; at the end, whatever is left. */
  summarize(last = false): void {
    const { voice, health, clock } = this.#parts
    this.#lookForFlood()
    const elapsedMs = clock() - this.#untoldSinceMs
    const { logsStored, anomalies, deadLetters } = this.#untold
    if (logsStored === 0 || (!last && elapsedMs < SUMMARY_INTERVAL_MS)) return
    const rate = Math.round((logsStored * 1000) / Math.max(elapsedMs, SUMMARY_INTERVAL_MS))
    const lag = health.lagRecords()
    const line = `✓ Processed ${rate} logs/s, anomalies: ${anomalies}, dead letters: ${deadLetters}, lag: ${lag}`
    voice.info('summary', line, { logs_per_second: rate, anomalies, dead_letters: deadLetters, lag })
    this.#untold = { logsStored: 0, anomalies: 0, deadLetters: 0 }
    this.#untoldSinceMs = clock()
  }

  #lookForFlood(): void {
    const { voice, metrics } = this.#parts
    const { share, flooding, turned } = this.#flood.look()
    metrics.deadLetterShare.set(share)
    metrics.deadLetterFlood.set(flooding ? 1 : 0)
    if (!turned) return
    const percent = `${Math.round(share * 100)} % of the last minute`
    if (flooding)
      voice.warn('dead_letter_flood', `A flood of dead letters: ${percent}; see dead-letters groups`, { share })
    else voice.info('dead_letter_flood_over', `✓ The flood of dead letters is over: ${percent}`, { share })
  }

  #rangeStored(ready: ReadyRange, outcome: CommitOutcome, perLog: boolean): void {
    const refused = outcome.kind === 'committed' ? outcome.refused : []
    const logIds = outcome.kind === 'committed' ? outcome.logIds : null
    const isRefused = among(refused)
    const anomalies = this.#count(ready.logs, isRefused)
    const logsStored = ready.logs.length - refused.length
    const deadLetters = ready.rejects.length + refused.length
    this.#parts.metrics.logsStored.inc(logsStored)
    this.#parts.metrics.anomalies.inc(anomalies)
    add(this.totals, { logsStored, anomalies, deadLetters })
    this.#flood.add(logsStored, deadLetters)
    this.#leftOut(ready, refused)
    for (const alert of ready.alerts) this.#alert(alert)
    if (!perLog || logIds === null) {
      if (this.#untold.logsStored === 0) this.#untoldSinceMs = this.#parts.clock()
      add(this.#untold, { logsStored, anomalies, deadLetters })
      return
    }
    ready.logs.forEach((log, at) => {
      const id = logIds[at]
      if (id !== undefined && isRefused?.(log) !== true) sayProcessed(this.#parts.voice, log, id)
    })
  }

  /** The loop over every log: nothing but additions. Answers the number of anomalies. */
  #count(logs: readonly ScoredLog[], isRefused: ((log: ScoredLog) => boolean) | null): number {
    const { metrics, scores, now } = this.#parts
    const { health } = scores
    const { ageAtCommit } = metrics
    const nowMs = now()
    const bySource = { model: 0, remote: 0, rules: 0, replay: 0 }
    let byModel = 0
    let anomalies = 0
    let muted = 0
    // By index, and the usual source apart: an iterator and a property by name cost more than all the rest here.
    for (let index = 0; index < logs.length; index++) {
      const log = logs[index]!
      if (isRefused?.(log) === true) continue
      const { source } = log
      if (source === 'model') byModel++
      else bySource[source]++
      if (source === 'model' || source === 'remote') health.score(log.score)
      if (log.isAnomaly) anomalies++
      else if (log.explanation !== null && isMuted(log)) muted++
      const { recordTimestamp } = log.event
      if (recordTimestamp !== null) ageAtCommit.observe(Math.max(0, nowMs - recordTimestamp) / 1000)
    }
    bySource.model = byModel
    if (bySource.model > 0) metrics.scores.inc({ source: 'model' }, bySource.model)
    if (bySource.remote > 0) metrics.scores.inc({ source: 'remote' }, bySource.remote)
    if (bySource.rules > 0) metrics.scores.inc({ source: 'rules' }, bySource.rules)
    if (bySource.replay > 0) metrics.scores.inc({ source: 'replay' }, bySource.replay)
    health.count({ bySource, anomalies })
    if (muted > 0) metrics.muted.inc(muted)
    return anomalies
  }

  #alert(alert: ServiceAlert): void {
    const { metrics, voice } = this.#parts
    const { service, kind, observed, expected } = alert
    const change = alert.untilMs === null ? 'opened' : 'closed'
    const since = new Date(alert.sinceMs).toISOString()
    const until = alert.untilMs === null ? null : new Date(alert.untilMs).toISOString()
    if (isMuted(alert)) {
      if (change === 'opened') metrics.mutedAlerts.inc({ kind })
      return
    }
    metrics.serviceAlerts.inc({ kind, change })
    const fields = { service, kind, since, until, observed, expected }
    voice.warn('service_alert', sentence(alert), fields, `${kind} ${change}`)
  }

  #leftOut({ rejects, skips }: ReadyRange, refused: readonly Reject[]): void {
    const { metrics, voice } = this.#parts
    for (const each of [...rejects, ...refused]) {
      const { partition, offset, reason } = each
      metrics.deadLetters.inc({ reason })
      const line = `Dead letter: partition ${partition}, offset ${offset}: ${reason}`
      voice.warn('dead_letter', line, { partition, offset, reason }, reason)
    }
    for (const [reason, count] of Object.entries(skips)) metrics.skipped.inc({ reason }, count)
  }
}

function sentence({ service, kind, untilMs, observed, expected }: ServiceAlert): string {
  const what = kind === 'silence' ? 'fell silent' : 'logs less than usual'
  if (untilMs !== null) return `Service alert closed: ${service} ${what} no longer`
  return `Service alert: ${service} ${what}: ${count(observed)} logs a minute, usually ${count(expected)}`
}

function count(perMinute: number): string {
  return String(Number(perMinute.toPrecision(3)))
}

/** null: none was. */
function among(refused: readonly Reject[]): ((log: ScoredLog) => boolean) | null {
  if (refused.length === 0) return null
  const positions = new Set(refused.map(({ offset, item }) => `${offset}/${item}`))
  return ({ event }) => positions.has(`${event.offset}/${event.item}`)
}

function add(to: BatchTotals, more: BatchTotals): void {
  to.logsStored += more.logsStored
  to.anomalies += more.anomalies
  to.deadLetters += more.deadLetters
}

/** Everything the service says: each event becomes a log line and its metrics. Tells what it was told, and does nothing else. */
import type { Events } from './events.ts'
import { BatchNews, type BatchTotals } from './telemetry/batch-events.ts'
import { Voice, type VoiceOptions } from './telemetry/console-lines.ts'
import { Health, type HealthState } from './telemetry/health.ts'
import { fetchEvents, groupEvents } from './telemetry/kafka-events.ts'
import { createMetrics } from './telemetry/metrics.ts'
import { remoteEvents } from './telemetry/remote-events.ts'
import { type ModelStats, ScoreNews } from './telemetry/score-events.ts'
import type { ScoreReport } from './telemetry/score-health.ts'
import { storeEvents } from './telemetry/store-events.ts'

/** `clock` is monotonic, `now` is Unix time, both in ms; `write` takes whole lines. */
export interface TelemetryOptions extends VoiceOptions {
  /** Above so many logs a second, one line a second instead of one a log. */
  readonly logsPerSecondMax: number
}

export interface Telemetry extends Events {
  /** The Prometheus text format, version 0.0.4. */
  metricsText(): Promise<string>
  /** True while every log gets a line with its id, which must then be known before the row is stored. */
  reserveIds(): boolean
  /** How the scores are spread, over the last whole window. */
  scores(): ScoreReport
  /** What the detectors hold, a partition each; told before the metrics are asked for. */
  models(partitions: readonly ModelStats[]): void
  /** A line of information as it stands. */
  say(line: string): void
  /** Something could not be written to the console. */
  consoleWriteLost(): void
  /** The service is ready for the first time. */
  started(): void
  /** Of the logs of the last minute, those that the ML engine did not judge; null where none was asked. */
  fallbackShare(): number | null
  state(): HealthState & Readonly<BatchTotals>
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { clock, now, logsPerSecondMax } = options
  const voice = new Voice(options)
  const metrics = createMetrics(options.version)
  const health = new Health(voice, metrics)
  const parts = { voice, metrics, health }
  const scores = new ScoreNews(parts, clock)
  const batches = new BatchNews({ ...parts, scores, clock, now, logsPerSecondMax })
  const fetching = fetchEvents(parts)
  const { fallbackShare, ...remote } = remoteEvents({ ...parts, clock })
  return {
    ...groupEvents({ ...parts, clock }),
    ...fetching,
    ...storeEvents(parts),
    ...remote,
    fallbackShare,
    lag(partitions) {
      fetching.lag(partitions)
      batches.summarize()
    },
    batchFinished: (what) => batches.finished(what),
    warning: (text) => voice.warn('warning', text, {}, text.slice(0, 40)),
    stopping: ({ signal }) => voice.info('stopping', `Stopping (${signal}): storing what is in hand`, { signal }),
    stopped() {
      batches.summarize(true)
      voice.catchUp(true)
      voice.info('stopped', '✓ Processor service stopped')
    },
    metricsText: () => metrics.text(),
    scores: () => scores.report,
    models: (partitions) => scores.models(partitions),
    reserveIds: () => batches.perLog,
    say: (line) => voice.info('said', line),
    consoleWriteLost: () => metrics.consoleWritesLost.inc(),
    started: () => voice.info('started', '🚀 Processor service started and ready'),
    state: () => ({ ...health.state(), ...batches.totals }),
  }
}

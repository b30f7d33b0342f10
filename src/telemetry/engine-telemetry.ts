/** What the ML engine says and counts, as its own service: lines on the console, and the metrics of its port. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client'
import { messageOf } from '../errors.ts'
import { Voice, type VoiceOptions } from './console-lines.ts'
import { SELDOM } from './sampling.ts'

const DURATION_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Totals since the start, and what the model knows now. */
export interface EngineReadings {
  readonly services: number
  readonly warmServices: number
  readonly templates: number
  readonly logs: number
  readonly anomalies: number
  readonly byRules: number
}

export function createEngineTelemetry(options: VoiceOptions) {
  const voice = new Voice(options)
  const metrics = createEngineMetrics(options.version)
  return {
    answered({ route, status, seconds }: { route: string; status: number; seconds: number }): void {
      metrics.requests.inc({ route, status: String(status) })
      metrics.duration.observe({ route }, seconds)
    },
    refused: () => metrics.refused.inc(),
    faulted({ route, error }: { route: string; error: unknown }): void {
      metrics.faults.inc()
      voice.error('engine_faulted', `${route}: ${messageOf(error)}`, { route }, route)
    },
    detectorFailed(error: unknown): void {
      metrics.faults.inc()
      voice.error('detector_failed', `The model failed on a log, the rules judged: ${messageOf(error)}`)
    },
    say: (line: string) => voice.info('said', line),
    async metricsText(readings: EngineReadings): Promise<string> {
      metrics.read(readings)
      return metrics.register.metrics()
    },
  }
}

/** Labels come from closed sets: the routes that exist, and statuses. */
export function createEngineMetrics(version: string) {
  const register = new Registry()
  const registers = [register]
  collectDefaultMetrics({ register, ...SELDOM })
  const counter = (name: string, help: string) =>
    new Counter({ name: `insighthub_engine_${name}_total`, help, registers })
  const gauge = (name: string, help: string) => new Gauge({ name: `insighthub_engine_${name}`, help, registers })
  const build = new Gauge({
    name: 'insighthub_engine_build_info',
    help: 'Version of the engine; always 1',
    labelNames: ['version'],
    registers,
  })
  build.labels({ version }).set(1)
  const totals = {
    logs: counter('logs', 'Logs scored'),
    anomalies: counter('anomalies', 'Logs scored as anomalies'),
    byRules: counter(
      'logs_by_rules',
      'Logs that the rules judged, because their service was young or the model failed',
    ),
  }
  const states = {
    services: gauge('services', 'Services that the model keeps a state of'),
    warmServices: gauge('warm_services', 'Services known well enough for the model to judge'),
    templates: gauge('templates', 'Kinds of messages known, over all services'),
  }
  return {
    register,
    requests: new Counter({
      name: 'insighthub_engine_requests_total',
      help: 'Requests answered, by route and status',
      labelNames: ['route', 'status'],
      registers,
    }),
    duration: new Histogram({
      name: 'insighthub_engine_request_duration_seconds',
      help: 'From the request to the end of its answer',
      labelNames: ['route'],
      buckets: DURATION_BOUNDS,
      registers,
    }),
    refused: counter('refused', 'Requests refused because too many were in work'),
    faults: counter('faults', 'Faults of the engine itself'),
    read(readings: EngineReadings): void {
      for (const name of ['logs', 'anomalies', 'byRules'] as const) {
        totals[name].reset()
        totals[name].inc(readings[name])
      }
      for (const name of ['services', 'warmServices', 'templates'] as const) states[name].set(readings[name])
    },
  }
}

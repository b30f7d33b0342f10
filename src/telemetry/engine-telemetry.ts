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

interface TakenUp {
  readonly from: 'state' | 'nothing' | 'cold'
  readonly path: string
  readonly bytes: number
  readonly reason: string
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
    stateTakenUp({ from, path, bytes, reason }: TakenUp): void {
      metrics.starts.inc({ from })
      if (from === 'state') voice.info('state_taken_up', `✓ Goes on from ${path} (${bytes} bytes)`, { path, bytes })
      if (from === 'nothing') voice.info('state_absent', `No state in ${path} yet: begins anew`, { path })
      if (from === 'cold')
        voice.warn('state_refused', `The state in ${path} cannot be used (${reason}): begins anew`, { path, reason })
    },
    stateWritten({ bytes }: { path: string; bytes: number }): void {
      metrics.stateWrites.inc({ outcome: 'written' })
      metrics.stateBytes.set(bytes)
    },
    stateNotWritten({ path, error }: { path: string; error: unknown }): void {
      metrics.stateWrites.inc({ outcome: 'failed' })
      voice.error('state_not_written', `${path} cannot be written: ${messageOf(error)}; tried again`, { path })
    },
    consoleWriteLost: () => metrics.consoleWritesLost.inc(),
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
    starts: new Counter({
      name: 'insighthub_engine_starts_total',
      help: 'Starts with ML_ENGINE_STATE_FILE, by what there was: its state, nothing, or (cold) a state that could not be used',
      labelNames: ['from'],
      registers,
    }),
    stateWrites: new Counter({
      name: 'insighthub_engine_state_writes_total',
      help: 'Times that ML_ENGINE_STATE_FILE was written, or could not be, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    stateBytes: gauge('state_bytes', 'Size of what ML_ENGINE_STATE_FILE was written with last'),
    consoleWritesLost: counter(
      'console_writes_lost',
      'Writes to standard output or error that failed, because nobody reads them any more or the disk is full',
    ),
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

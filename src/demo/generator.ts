/**
 * Logs of a believable system, from a seed: a dozen services with their operations, a day's rhythm, heavy tails, deploys, and
 * planted incidents whose place and time are known. The same seed gives the same bytes.
 */
import { Random } from './random.ts'
import { type Operation, type Service, SYSTEM } from './system-model.ts'

export const INCIDENT_KINDS = ['latency_spike', 'error_burst', 'new_message', 'fatal_level', 'traffic_surge'] as const
export type IncidentKind = (typeof INCIDENT_KINDS)[number]

export interface Incident {
  readonly id: number
  readonly kind: IncidentKind
  readonly service: string
  readonly fromMs: number
  readonly toMs: number
}

export interface GeneratedLog {
  /** One JSON object. */
  readonly json: string
  readonly timestampMs: number
  /** The incident this log shows, if any. */
  readonly incident: Incident | null
}

export interface GeneratorOptions {
  readonly seed: number
  readonly logs: number
  /** Event time of the first log. */
  readonly startMs: number
}

/** Event time between logs, on average: 60,000 logs are four hours of this shop. */
const SPACING_MS = 240
const DAY_MS = 86_400_000
const INCIDENT_MS = 4 * 60_000
const DEPLOY_SHARE = 0.45
/** The models need some history first. */
const QUIET_SHARE = 0.4
const INCIDENT_SERVICES = [
  'payment-service',
  'order-service',
  'inventory-service',
  'catalog-service',
  'api-gateway',
] as const

export function generate(options: GeneratorOptions): {
  incidents: readonly Incident[]
  lines(): Generator<GeneratedLog>
} {
  const incidents = plant(options)
  return { incidents, lines: () => lines(options, incidents) }
}

/** One incident of each kind, one after the other over the last part of the run, each on its own service. */
function plant({ seed, logs, startMs }: GeneratorOptions): Incident[] {
  const random = new Random(seed + 7_919)
  const spanMs = logs * SPACING_MS
  const slotMs = (spanMs * (1 - QUIET_SHARE)) / INCIDENT_KINDS.length
  const lengthMs = Math.min(INCIDENT_MS, slotMs * 0.6)
  const offset = random.below(INCIDENT_SERVICES.length)
  return INCIDENT_KINDS.map((kind, index) => {
    const fromMs = Math.round(
      startMs + spanMs * QUIET_SHARE + slotMs * index + random.next() * (slotMs - lengthMs) * 0.9,
    )
    const service = INCIDENT_SERVICES[(index + offset) % INCIDENT_SERVICES.length] ?? 'api-gateway'
    return { id: index + 1, kind, service, fromMs, toMs: Math.round(fromMs + lengthMs) }
  })
}

interface Moment {
  readonly timestampMs: number
  readonly random: Random
  readonly incident: Incident | null
  /** After a deploy the caches are cold. */
  readonly coldness: number
}

function* lines({ seed, logs, startMs }: GeneratorOptions, incidents: readonly Incident[]): Generator<GeneratedLog> {
  const random = new Random(seed)
  const deployMs = startMs + logs * SPACING_MS * DEPLOY_SHARE
  let timestampMs = startMs
  for (let index = 0; index < logs; index++) {
    timestampMs += SPACING_MS * -Math.log(1 - random.next()) * paceOf(timestampMs, incidents)
    const service = pick(random, timestampMs, incidents)
    const incident =
      incidents.find(
        (each) => each.service === service.name && each.fromMs <= timestampMs && timestampMs < each.toMs,
      ) ?? null
    const sinceDeployMs = timestampMs - deployMs
    const coldness = service.name === 'catalog-service' && sinceDeployMs >= 0 ? Math.exp(-sinceDeployMs / 60_000) : 0
    yield logOf(service, { timestampMs, random, incident, coldness })
  }
}

/** A surge adds its logs to the others': time runs slower while it lasts. */
function paceOf(timestampMs: number, incidents: readonly Incident[]): number {
  const surging = incidents.some(
    ({ kind, fromMs, toMs }) => kind === 'traffic_surge' && fromMs <= timestampMs && timestampMs < toMs,
  )
  return surging ? 0.5 : 1
}

function pick(random: Random, timestampMs: number, incidents: readonly Incident[]): Service {
  const dayPhase = Math.sin(2 * Math.PI * ((timestampMs % DAY_MS) / DAY_MS - 0.35))
  const surge = incidents.find(
    ({ kind, fromMs, toMs }) => kind === 'traffic_surge' && fromMs <= timestampMs && timestampMs < toMs,
  )
  const weights = SYSTEM.map(
    ({ name, weight, dayRhythm }) => weight * (1 + dayRhythm * dayPhase) * (surge?.service === name ? 8 : 1),
  )
  let at = random.next() * weights.reduce((sum, weight) => sum + weight, 0)
  const index = weights.findIndex((weight) => {
    at -= weight
    return at < 0
  })
  return SYSTEM[Math.max(0, index)] ?? SYSTEM[0]!
}

function logOf(service: Service, moment: Moment): GeneratedLog {
  const { random, incident, timestampMs } = moment
  const { level, template, operation } = content(service, moment)
  const user = `u-${1 + random.below(50_000)}`
  const message = template
    .replace('{id}', () => random.hex(12))
    .replace('{user}', user)
    .replace('{n}', () => String(1 + random.below(900_000)))
    .replace('{host}', () => `10.${random.below(4)}.${random.below(255)}.${random.below(255)}`)
  const latency = latencyOf(operation, moment)
  const fields = {
    service: service.name,
    level,
    message,
    ...(latency === null ? {} : { latency_ms: latency }),
    ...(template.includes('{user}') ? { userId: user } : {}),
    timestamp: new Date(timestampMs).toISOString(),
    region: random.next() < 0.8 ? 'eu-1' : 'us-1',
    version: moment.coldness > 0 ? '2.8.0' : '2.7.4',
  }
  return { json: JSON.stringify(fields), timestampMs, incident }
}

interface Content {
  readonly level: string
  readonly template: string
  readonly operation: Operation | null
}

function content(service: Service, { random, incident }: Moment): Content {
  const u = random.next()
  if (incident?.kind === 'new_message' && u < 0.3) {
    return {
      level: 'ERROR',
      template: 'NullPointerException at com.shop.{id}.Handler.apply(Handler.java:{n})',
      operation: null,
    }
  }
  if (incident?.kind === 'fatal_level' && u < 0.12) {
    return { level: 'FATAL', template: 'out of memory, worker {n} is shutting down', operation: null }
  }
  const errorShare = incident?.kind === 'error_burst' ? 0.5 : service.errorShare
  if (u < errorShare)
    return { level: 'ERROR', template: oneOf(random, service.errors), operation: weighted(random, service) }
  if (u < errorShare + service.warnShare)
    return { level: 'WARN', template: oneOf(random, service.warnings), operation: null }
  const operation = weighted(random, service)
  return { level: u > 0.97 ? 'DEBUG' : 'INFO', template: operation.message, operation }
}

function oneOf(random: Random, texts: readonly string[]): string {
  return texts[random.below(texts.length)] ?? ''
}

function weighted(random: Random, { operations }: Service): Operation {
  let at = random.next() * operations.reduce((sum, { weight }) => sum + weight, 0)
  for (const operation of operations) {
    at -= operation.weight
    if (at < 0) return operation
  }
  return operations.at(-1)!
}

/** Log-normal, with a rare long tail (a pause of the runtime) that is no incident. */
function latencyOf(operation: Operation | null, { random, incident, coldness }: Moment): number | null {
  if (operation?.latencyMs == null) return null
  const { median, sigma } = operation.latencyMs
  let latency = median * Math.exp(sigma * random.normal())
  if (random.next() < 0.0008) latency *= 2 + 2 * random.next()
  if (incident?.kind === 'latency_spike') latency *= 6
  return Math.round(latency * (1 + 0.5 * coldness) * 1000) / 1000
}

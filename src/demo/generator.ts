/**
 * Logs of a believable system, from a seed: a dozen services with their operations, a day's rhythm, heavy tails, deploys, and
 * planted incidents whose place and time are known. The same seed and start give the same bytes.
 */
import { Arrivals, expectedEndMs } from './arrivals.ts'
import { type Incident, incidentAt, plantIncidents } from './incidents.ts'
import { Random } from './random.ts'
import type { Operation, Service } from './system-model.ts'

export interface GeneratedLog {
  /** One JSON object. */
  readonly json: string
  readonly timestampMs: number
  /** The incident of this log's service and time, if any. */
  readonly incident: Incident | null
}

export interface GeneratorOptions {
  readonly seed: number
  readonly logs: number
  /** Event time of the first log. */
  readonly startMs: number
}

/** Event time between two logs of the whole system, on an average of the day: 120,000 logs are about half a day. */
const SPACING_MS = 360
/** Deploys in the middle of ordinary life: new version, new start-up messages, cold caches for some minutes. */
const DEPLOYS = [
  { service: 'catalog-service', share: 0.22, version: '2.8.0' },
  { service: 'auth-service', share: 0.5, version: '2.8.1' },
  { service: 'recommendation', share: 0.74, version: '2.8.2' },
] as const
const COLD_MS = 3 * 60_000
const BOOT_MS = 20_000
/** A pause of the runtime: rare, long, and no incident. */
const PAUSE_SHARE = 0.0008

interface System extends GeneratorOptions {
  readonly endMs: number
  readonly incidents: readonly Incident[]
}

export function generate(options: GeneratorOptions): {
  incidents: readonly Incident[]
  lines(): Generator<GeneratedLog>
} {
  const { seed, startMs } = options
  const endMs = expectedEndMs({ ...options, spacingMs: SPACING_MS })
  const incidents = plantIncidents(seed, { startMs, endMs })
  return { incidents, lines: () => lines({ ...options, endMs, incidents }) }
}

interface Moment {
  readonly timestampMs: number
  readonly random: Random
  readonly incident: Incident | null
  readonly release: Release
}
interface Release {
  readonly version: string
  /** Since the deploy; Infinity where there was none. */
  readonly ageMs: number
}

function* lines(system: System): Generator<GeneratedLog> {
  const { seed, logs, startMs, incidents } = system
  const random = new Random(seed)
  const arrivals = new Arrivals({ random, incidents, startMs, spacingMs: SPACING_MS })
  for (let index = 0; index < logs; index++) {
    const { service, timestampMs } = arrivals.next()
    const incident = incidentAt(incidents, service.name, timestampMs)
    yield logOf(service, { timestampMs, random, incident, release: releaseOf(service, timestampMs, system) })
  }
}

function releaseOf({ name }: Service, timestampMs: number, { startMs, endMs }: System): Release {
  const deploy = DEPLOYS.find((each) => each.service === name)
  const ageMs = deploy === undefined ? -1 : timestampMs - startMs - (endMs - startMs) * deploy.share
  return deploy === undefined || ageMs < 0
    ? { version: '2.7.4', ageMs: Number.POSITIVE_INFINITY }
    : { version: deploy.version, ageMs }
}

function logOf(service: Service, moment: Moment): GeneratedLog {
  const { random, incident, timestampMs, release } = moment
  const { level, template, operation } = content(service, moment)
  const user = `u-${1 + random.below(50_000)}`
  const message = template
    .replace('{id}', () => random.hex(12))
    .replace('{user}', user)
    .replace('{version}', release.version)
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
    version: release.version,
  }
  return { json: JSON.stringify(fields), timestampMs, incident }
}

interface Content {
  readonly level: string
  readonly template: string
  readonly operation: Operation | null
}

function content(service: Service, { random, incident, release }: Moment): Content {
  const u = random.next()
  const severity = incident?.severity ?? 0
  if (incident?.kind === 'new_message' && u < 0.3 * severity) {
    const template = 'NullPointerException at com.shop.pricing.Discounts.apply(Discounts.java:214), request {id}'
    return { level: 'ERROR', template, operation: null }
  }
  if (incident?.kind === 'fatal_level' && u < 0.12 * severity)
    return { level: 'FATAL', template: 'out of memory, worker {n} is shutting down', operation: null }
  if (release.ageMs < BOOT_MS && u < 0.5)
    return { level: 'INFO', template: 'starting version {version} on {host}', operation: null }
  const errorShare = incident?.kind === 'error_burst' ? 0.5 * severity : service.errorShare
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

/** Log-normal, slower while caches are cold, with a rare long tail. */
function latencyOf(operation: Operation | null, { random, incident, release }: Moment): number | null {
  if (operation?.latencyMs == null) return null
  const { median, sigma } = operation.latencyMs
  let latency = median * Math.exp(sigma * random.normal())
  if (random.next() < PAUSE_SHARE) latency *= 2 + 2 * random.next()
  if (incident?.kind === 'latency_spike') latency *= 1 + 5 * incident.severity
  return Math.round(latency * (1 + 0.5 * Math.exp(-release.ageMs / COLD_MS)) * 1000) / 1000
}

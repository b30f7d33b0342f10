/** The incidents of the demo: what goes wrong, where and when, planted from a seed and so known afterwards. */
import { Random } from './random.ts'

export const INCIDENT_KINDS = ['latency_spike', 'error_burst', 'new_message', 'fatal_level', 'traffic_surge'] as const
export type IncidentKind = (typeof INCIDENT_KINDS)[number]

export interface Incident {
  readonly id: number
  readonly kind: IncidentKind
  readonly service: string
  readonly fromMs: number
  readonly toMs: number
  /** 1: as bad as it gets; 0.4: one has to look closely. */
  readonly severity: number
}

export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** Each kind twice, once plain and once mild. */
const SEVERITIES = [1, 0.4] as const
const LENGTH_MS = 8 * 60_000
/** The models need some history first, and a surge brings the end nearer. */
const [FIRST, LAST] = [0.35, 0.95]
const SERVICES = ['payment-service', 'order-service', 'inventory-service', 'catalog-service', 'api-gateway'] as const

/** One after the other over the last part of the span, in an order of the seed's. */
export function plantIncidents(seed: number, { startMs, endMs }: Span): readonly Incident[] {
  const random = new Random(seed + 7_919)
  const script = shuffled(
    SEVERITIES.flatMap((severity) => INCIDENT_KINDS.map((kind) => ({ kind, severity }))),
    random,
  )
  const slotMs = ((endMs - startMs) * (LAST - FIRST)) / script.length
  const lengthMs = Math.min(LENGTH_MS, slotMs * 0.5)
  const offset = random.below(SERVICES.length)
  return script.map(({ kind, severity }, index) => {
    const slotFromMs = startMs + (endMs - startMs) * FIRST + slotMs * index
    const fromMs = Math.round(slotFromMs + random.next() * (slotMs - lengthMs))
    const service = SERVICES[(index + offset) % SERVICES.length] ?? SERVICES[0]
    return { id: index + 1, kind, service, fromMs, toMs: Math.round(fromMs + lengthMs), severity }
  })
}

/** The incident of this service at this time. */
export function incidentAt(incidents: readonly Incident[], service: string, timestampMs: number): Incident | null {
  return (
    incidents.find((each) => each.service === service && each.fromMs <= timestampMs && timestampMs < each.toMs) ?? null
  )
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items]
  return items.flatMap(() => left.splice(random.below(left.length), 1))
}

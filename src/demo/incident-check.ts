/** Were the planted incidents found, and how many would anomalies scattered as they are elsewhere have found by chance? Pure. */
import type { Incident } from './incidents.ts'

export interface FoundIncident {
  readonly kind: string
  readonly service: string
  /** ISO 8601, event time. */
  readonly from: string
  readonly to: string
  /** In (0, 1]. */
  readonly severity: number
  /** Anomalies of that service while it lasted, or in the minute after. */
  readonly anomalies: number
  readonly found: boolean
}

export interface IncidentCheck {
  readonly incidents: readonly FoundIncident[]
  /** Incidents that windows of the same length at random times of the same services would have found, on average. */
  readonly foundByChance: number
  /** Anomalies inside the windows of all incidents. */
  readonly anomaliesInside: number
}

/** Anomalies of one service, as epoch ms. */
export type AnomalyTimes = ReadonlyMap<string, readonly number[]>

const AFTERMATH_MS = 60_000

interface Window {
  readonly fromMs: number
  readonly toMs: number
}

export function checkIncidents(
  incidents: readonly Incident[],
  anomalies: AnomalyTimes,
  run: { firstMs: number; lastMs: number },
): IncidentCheck {
  let foundByChance = 0
  let anomaliesInside = 0
  const checked = incidents.map(({ kind, service, fromMs, toMs, severity }) => {
    const times = anomalies.get(service) ?? []
    const windows = incidents.filter((each) => each.service === service).map(withAftermath)
    const window = withAftermath({ fromMs, toMs })
    const inside = times.filter((timeMs) => isInside(timeMs, window)).length
    const elsewhere = times.filter((timeMs) => !windows.some((each) => isInside(timeMs, each)))
    const ordinaryMs = run.lastMs - run.firstMs - windows.reduce((total, each) => total + each.toMs - each.fromMs, 0)
    foundByChance += chance(elsewhere, window.toMs - window.fromMs, ordinaryMs)
    anomaliesInside += inside
    const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()]
    return { kind, service, from, to, severity, anomalies: inside, found: inside > 0 }
  })
  return { incidents: checked, foundByChance, anomaliesInside }
}

function withAftermath({ fromMs, toMs }: Window): Window {
  return { fromMs, toMs: toMs + AFTERMATH_MS }
}

function isInside(timeMs: number, { fromMs, toMs }: Window): boolean {
  return fromMs <= timeMs && timeMs < toMs
}

/** The share of starts from which a window of this length would hold one of the times. */
function chance(times: readonly number[], lengthMs: number, ordinaryMs: number): number {
  if (ordinaryMs <= 0) return times.length > 0 ? 1 : 0
  let coveredMs = 0
  let coveredToMs = Number.NEGATIVE_INFINITY
  for (const timeMs of times.toSorted((a, b) => a - b)) {
    coveredMs += timeMs - Math.max(timeMs - lengthMs, coveredToMs)
    coveredToMs = timeMs
  }
  return Math.min(1, coveredMs / ordinaryMs)
}

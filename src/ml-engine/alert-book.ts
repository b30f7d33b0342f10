/** The service alerts of late, each once: what opened is closed in its place. As many as fit, the oldest forgotten first. */
import type { ServiceAlert } from '../service-alert.ts'

const ALERTS_MAX = 1_000

/** Times as ISO 8601, in event time; rates in logs a minute. */
interface NotedAlert {
  readonly service: string
  readonly kind: ServiceAlert['kind']
  readonly since: string
  /** null while it lasts. */
  readonly until: string | null
  readonly raised_at: string
  readonly observed: number
  readonly expected: number
  readonly explanation: unknown
}

export class AlertBook {
  readonly #alerts = new Map<string, NotedAlert>()

  note(alert: ServiceAlert): void {
    const { service, kind, sinceMs, untilMs, raisedAtMs, observed, expected, explanation } = alert
    const key = JSON.stringify([service, kind, sinceMs])
    this.#alerts.set(key, {
      service,
      kind,
      since: new Date(sinceMs).toISOString(),
      until: untilMs === null ? null : new Date(untilMs).toISOString(),
      raised_at: new Date(raisedAtMs).toISOString(),
      observed,
      expected,
      explanation: JSON.parse(explanation),
    })
    const oldest = this.#alerts.keys().next()
    if (this.#alerts.size > ALERTS_MAX && oldest.done !== true) this.#alerts.delete(oldest.value)
  }

  newest(): NotedAlert[] {
    return [...this.#alerts.values()].reverse()
  }
}

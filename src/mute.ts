/**
 * Mutes: what people do not want to be told of for a while. They act on what is stored, never on what is learned: the detector
 * sees every log alike, and the muted log keeps its score. Whether a log is muted follows from its own time, its service and the
 * template in its explanation, so a record read again after a crash becomes the same row, as long as mutes begin some time after
 * they are made and every worker has heard of them by then. Likewise with a service alert: by the time at which it was raised. A mute
 * of a kind of message is none of what was not said.
 */
import type { ScoredLog } from './log.ts'
import type { ServiceAlert } from './service-alert.ts'

export interface Mute {
  readonly id: number
  /** null: every service. */
  readonly service: string | null
  /** `template_id` of an explanation; null: every message. */
  readonly templateId: string | null
  /** Logs created, and service alerts raised, in [since, until), in ms since 1970. */
  readonly sinceMs: number
  readonly untilMs: number
}

const EXPLANATION_BYTES_MAX = 1024

/** The same logs, but that anomalies which a mute names are none any more; of several mutes the one with the lowest id says so. */
export function withMutes(logs: readonly ScoredLog[], mutes: readonly Mute[]): readonly ScoredLog[] {
  let changed: ScoredLog[] | null = null
  for (let i = 0; i < logs.length; i++) {
    const log = logs[i]
    if (log === undefined || !log.isAnomaly) continue
    const mute = mutes.find((each) => covers(each, log))
    if (mute === undefined) continue
    changed ??= [...logs]
    changed[i] = { ...log, isAnomaly: false, explanation: mutedExplanation(log.explanation, mute.id) }
  }
  return changed ?? logs
}

/** The same alerts, but that those which a mute names say so. */
export function withMutedAlerts(alerts: readonly ServiceAlert[], mutes: readonly Mute[]): readonly ServiceAlert[] {
  return alerts.map((alert) => {
    const mute = mutes.find((each) => coversAlert(each, alert))
    return mute === undefined ? alert : { ...alert, explanation: mutedExplanation(alert.explanation, mute.id) }
  })
}

function coversAlert({ service, templateId, sinceMs, untilMs }: Mute, alert: ServiceAlert): boolean {
  const { raisedAtMs } = alert
  return templateId === null && service === alert.service && raisedAtMs >= sinceMs && raisedAtMs < untilMs
}

function covers({ service, templateId, sinceMs, untilMs }: Mute, { event, explanation }: ScoredLog): boolean {
  if (event.createdAt < sinceMs || event.createdAt >= untilMs) return false
  if (service !== null && service !== event.service) return false
  return templateId === null || templateId === templateOf(explanation)
}

function templateOf(explanation: string | null): string | null {
  const { template_id: id } = fieldsOf(explanation)
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null
}

/** `muted` comes first, and names the mute; where that makes it too long, only the sentence and the template stay. */
function mutedExplanation(explanation: string | null, muted: number): string {
  const fields = fieldsOf(explanation)
  const whole = JSON.stringify({ muted, ...fields })
  if (Buffer.byteLength(whole) <= EXPLANATION_BYTES_MAX) return whole
  const short = JSON.stringify({ muted, top: fields['top'], template_id: fields['template_id'], why: fields['why'] })
  return Buffer.byteLength(short) <= EXPLANATION_BYTES_MAX ? short : JSON.stringify({ muted })
}

function fieldsOf(explanation: string | null): Readonly<Record<string, unknown>> {
  if (explanation === null) return {}
  const parsed: unknown = JSON.parse(explanation)
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
}

/** True for a log that would be an anomaly, and for a service alert that would be told of, were it not muted. */
export function isMuted({ explanation }: Pick<ScoredLog, 'explanation'>): boolean {
  return explanation?.startsWith('{"muted":') === true
}

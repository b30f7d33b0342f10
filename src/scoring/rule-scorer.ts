/** The seed's own rules: +0.5 above 1000 ms, +0.3 for ERROR, +0.3 above 2000 ms, at most 1, anomaly from 0.7. */
import { grouped, rounded } from '../anomaly/explanation.ts'
import type { LogEvent, ScoredLog } from '../log.ts'

const ANOMALY_FROM = 0.7

export function ruleVerdict(event: LogEvent): { readonly score: number; readonly isAnomaly: boolean } {
  const latencyMs = event.latencyMs ?? 0
  let tenths = 0
  if (latencyMs > 1000) tenths += 5
  if (latencyMs > 2000) tenths += 3
  if (event.level === 'ERROR' || event.level === 'FATAL') tenths += 3
  const score = Math.min(10, tenths) / 10
  return { score, isAnomaly: score >= ANOMALY_FROM }
}

/** As the line needs it; an anomaly with its explanation. `since` ends a sentence; `templateId` of the log's kind of message, where it is known. */
export function ruledLog(event: LogEvent, since: string, templateId?: number): ScoredLog {
  const { score, isAnomaly } = ruleVerdict(event)
  const explanation = isAnomaly ? explained({ event, score, since, templateId }) : null
  return { event, score, isAnomaly, source: 'rules', explanation }
}

/** Of a dead letter that is read again: it teaches nothing. */
export function replayedLog(event: LogEvent): ScoredLog {
  return { ...ruledLog(event, 'the model has long seen what came after'), source: 'replay' }
}

interface Ruled {
  readonly event: LogEvent
  readonly score: number
  readonly since: string
  readonly templateId: number | undefined
}

function explained({ event, score, since, templateId }: Ruled): string {
  const { level, latencyMs } = event
  const latency = latencyMs === null ? '' : ` with a latency of ${grouped(rounded(latencyMs))} ms`
  const why = `${level}${latency}: an anomaly by the fixed rules, since ${since}`
  return JSON.stringify({ top: 'rules', score, template_id: templateId, warm: false, why })
}

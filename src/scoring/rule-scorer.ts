/** The seed's own rules: +0.5 above 1000 ms, +0.3 for ERROR, +0.3 above 2000 ms, at most 1, anomaly from 0.7. */
import type { LogEvent } from '../log.ts'

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

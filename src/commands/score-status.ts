/** The scores' part of /status. */
import { SCORE_QUANTILES, type ScoreReport } from '../telemetry/score-health.ts'
import type { Status } from './status.ts'

export function scoreStatus(
  report: ScoreReport,
  partitions: readonly { readonly services: number; readonly warmServices: number }[],
): Status['scores'][number] {
  const { state, quantiles, drift, anomalyShare, fallbackShare } = report
  return {
    state,
    quantiles: quantiles === null ? null : Object.fromEntries(SCORE_QUANTILES.map((q, at) => [q, quantiles[at] ?? 0])),
    drift,
    anomaly_share: anomalyShare,
    fallback_share: fallbackShare,
    services: partitions.reduce((sum, { services }) => sum + services, 0),
    warm_services: partitions.reduce((sum, { warmServices }) => sum + warmServices, 0),
  }
}

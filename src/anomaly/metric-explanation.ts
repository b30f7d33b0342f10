/**
 * Why a value of a series was flagged, as JSON of at most 1 KiB:
 *
 *   {"top":"jump","observed":93.2,"expected":41,"surprise":4.2,"template":"cpu","why":"value 93.2, just before about 41"}
 *
 * Observed and expected are in the series' own unit.
 */
import { grouped, rounded } from './explanation.ts'
import { templateText } from './message-template.ts'
import { METRIC_CHANNELS, type MetricChannel, type MetricSeries } from './metric-series.ts'

const TEMPLATE_LENGTH_MAX = 120

/** Of the value looked at last. */
export function explainMetric(log: { latencyMs: number | null; message: string }, series: MetricSeries): string {
  const { surprises } = series
  let top = 0
  for (let i = 1; i < surprises.length; i++) if (surprises[i]! > surprises[top]!) top = i
  const channel = METRIC_CHANNELS[top >> 1] ?? 'jump'
  const observed = rounded(log.latencyMs ?? 0)
  const expected = rounded(series.expected[top >> 1]!)
  return JSON.stringify({
    top: channel,
    observed,
    expected,
    surprise: rounded(surprises[top]!),
    template: templateText(log.message, TEMPLATE_LENGTH_MAX),
    why: `value ${grouped(observed)}, ${compared(channel)} about ${grouped(expected)}`,
  })
}

function compared(channel: MetricChannel): string {
  switch (channel) {
    case 'jump':
    case 'ratio_jump':
      return 'just before'
    case 'level':
    case 'ratio_level':
      return 'of late'
    case 'rhythm':
      return 'at this hour of the week usually'
  }
}

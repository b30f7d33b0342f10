/** What the engine takes and gives, as zod schemas: requests are parsed by them, and the OpenAPI page is made from all of them. */
import { z } from 'zod'
import { ALERT_KINDS } from '../service-alert.ts'
import { SentLog } from './sent-log.ts'
import { TRAINING_ROWS_MAX, TRAINING_ROWS_MIN } from './trained-forest.ts'

export const BATCH_LOGS_MAX = 10_000
const ROW = 'expected rows of two finite numbers, [latency, level_score]'

/** Elements are parsed one by one: a bad one answers in its place. */
export const ScoreBatchRequest = z.object({
  logs: z
    .array(z.unknown(), { error: 'expected an array of logs' })
    .max(BATCH_LOGS_MAX, { error: `expected at most ${BATCH_LOGS_MAX} logs` }),
})
export const TrainRequest = z.object({
  data: z
    .array(z.tuple([z.number({ error: ROW }), z.number({ error: ROW })], { error: ROW }), {
      error: 'expected an array',
    })
    .min(TRAINING_ROWS_MIN, { error: `expected at least ${TRAINING_ROWS_MIN} rows` })
    .max(TRAINING_ROWS_MAX, { error: `expected at most ${TRAINING_ROWS_MAX} rows` }),
})
export const PredictRequest = SentLog.pick({ level: true, service: true }).extend({
  latency_ms: z
    .union([z.number(), z.string()], { error: 'expected a number' })
    .describe('Milliseconds; negative or unreadable: 0'),
})
const Explain = z.enum(['1', 'true', '0', 'false', '', 'anomalies'], { error: 'expected 1, 0 or anomalies' })
const Flag = z.enum(['1', 'true', '0', 'false', ''], { error: 'expected 1 or 0' })
export const ScoreQuery = z.object({
  explain: Explain.optional().describe('1: an explanation with every answer; `anomalies`: only with these'),
  brief: Flag.optional().describe('1: leave `methods` out'),
})

const score = z.number().min(0).max(1)
const method = <Name extends string>(name: Name) =>
  z.object({ is_anomaly: z.boolean(), anomaly_score: score, method: z.literal(name) })
export const Explanation = z.looseObject({
  why: z.string().describe('One sentence for people'),
  template_id: z.int().describe("The kind of the log's message"),
  warm: z.boolean().describe('Whether the service is known well enough for the model to judge'),
})
export const JudgementAnswer = z.object({
  is_anomaly: z.boolean(),
  anomaly_score: score.describe('0.4 of the isolation forest, 0.6 of the sliding window; not rounded'),
  methods: z
    .object({
      isolation_forest: method('isolation_forest'),
      sliding_window: method('sliding_window').extend({
        metrics: z.object({ error_rate: score, latency_zscore: z.number(), total_logs: z.int().min(0) }),
      }),
    })
    .optional(),
  explanation: Explanation.optional(),
})
export const ErrorAnswer = z.object({ error: z.string() })
export const ScoreBatchAnswer = z.object({ results: z.array(z.union([JudgementAnswer, ErrorAnswer])) })
export const PredictAnswer = z.object({
  anomaly_score: score,
  is_anomaly: z.boolean(),
  method: z.enum(['isolation_forest', 'rules']).describe('`rules` until /train was called'),
})
export const StatsAnswer = z.object({
  service: z.string(),
  window_minutes: z.int(),
  total_logs: z.int(),
  error_count: z.int(),
  error_rate: score,
  avg_latency: z.number(),
  max_latency: z.number(),
  min_latency: z.number(),
})
export const AlertsAnswer = z.object({
  alerts: z.array(
    z.object({
      service: z.string(),
      kind: z.enum(ALERT_KINDS),
      since: z.iso.datetime().describe('The first moment that was too quiet; all times are event time'),
      until: z.iso.datetime().nullable().describe('null while it lasts'),
      raised_at: z.iso.datetime().describe('When it was decided'),
      observed: z.number().describe('Logs a minute'),
      expected: z.number().describe('Logs a minute'),
      explanation: z.looseObject({ why: z.string() }),
    }),
  ),
})
export const HealthAnswer = z.object({ status: z.literal('ok'), service: z.literal('ml-engine') })
export const DoneAnswer = z.object({ status: z.literal('success'), message: z.string() })

/** The first mistake, with where it is: `data.3: expected ...`. */
export function mistakeIn(error: z.ZodError): string {
  const [issue] = error.issues
  if (issue === undefined) return 'cannot be used'
  const { path, message, code } = issue
  const words = code === 'invalid_type' && path.length === 0 ? 'expected a JSON object' : message
  return path.length === 0 ? words : `${path.join('.')}: ${words}`
}

/** What each route of the engine does with a body that was read. Answers are values or ClientMistakes; nothing here does I/O. */
import type { z } from 'zod'
import { ClientMistake, isNothing } from './body.ts'
import type { Judgement, ScoringEngine, Wanted } from './engine.ts'
import { mistakeIn, PredictRequest, ScoreBatchRequest, ScoreQuery, TrainRequest } from './schemas.ts'
import { SentLog } from './sent-log.ts'

const NO_LOG = 'No log data provided'
const NO_TRAINING = 'No training data provided'

export function scoreOne(engine: ScoringEngine, body: unknown, query: unknown): Judgement {
  if (isNothing(body)) throw new ClientMistake(400, NO_LOG)
  const wanted = wantedOf(query)
  return engine.score(parsed(SentLog, body), wanted)
}

/** One answer a log, in order; a log that cannot be used answers an error in its place. */
export function scoreBatch(
  engine: ScoringEngine,
  body: unknown,
  query: unknown,
): { results: (Judgement | { error: string })[] } {
  if (isNothing(body)) throw new ClientMistake(400, NO_LOG)
  const wanted = wantedOf(query)
  const { logs } = parsed(ScoreBatchRequest, body)
  return {
    results: logs.map((log) => {
      if (isNothing(log)) return { error: NO_LOG }
      const sent = SentLog.safeParse(log)
      return sent.success ? engine.score(sent.data, wanted) : { error: mistakeIn(sent.error) }
    }),
  }
}

export function predict(engine: ScoringEngine, body: unknown) {
  if (isNothing(body)) throw new ClientMistake(400, NO_LOG)
  return engine.predict(parsed(PredictRequest, body))
}

export function train(engine: ScoringEngine, body: unknown) {
  const rows = typeof body === 'object' && body !== null && 'data' in body ? body.data : undefined
  if (isNothing(body) || isNothing(rows)) throw new ClientMistake(400, NO_TRAINING)
  engine.train(parsed(TrainRequest, body).data)
  return { status: 'success', message: 'Model retrained' }
}

export function stats(engine: ScoringEngine, service: string) {
  const found = engine.stats(service)
  if (found === null) throw new ClientMistake(404, 'Service not found')
  return found
}

export function restore(engine: ScoringEngine, body: unknown) {
  if (!Buffer.isBuffer(body) || body.length === 0) throw new ClientMistake(400, 'No snapshot provided')
  const refused = engine.restore(body)
  if (refused !== null) throw new ClientMistake(400, `The snapshot cannot be used: ${refused}`)
  return { status: 'success', message: 'Model restored' }
}

function wantedOf(query: unknown): Wanted {
  const { explain, brief } = parsed(ScoreQuery, query)
  const all = explain === '1' || explain === 'true'
  return {
    methods: brief !== '1' && brief !== 'true',
    explain: all ? 'all' : explain === 'anomalies' ? 'anomalies' : 'none',
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (!result.success) throw new ClientMistake(400, mistakeIn(result.error))
  return result.data
}

/**
 * What is asked of an engine and what it answers, as JSON. Answers are read as any input: sizes, types, ranges and counts are
 * checked, and what does not pass is no answer.
 */
import type { Level, LogEvent } from '../../log.ts'
import { isDeeperThan } from '../../normalize/json-depth.ts'

/** Of a message, as much as any template is made of. */
const MESSAGE_LENGTH_MAX = 1_024
const DEPTH_MAX = 16
const EXPLANATION_LENGTH_MAX = 1_024
/** Sums of products may end a hair above 1. */
const ROUNDING = 1e-9

export interface RemoteVerdict {
  /** In [0, 1]. */
  readonly score: number
  readonly isAnomaly: boolean
  /** JSON text of an object, at most 1 KiB. */
  readonly explanation: string | null
}

/** {"logs":[{service, level, message, latency_ms, timestamp}, ...]} */
export function batchQuestion(events: readonly LogEvent[]): string {
  return JSON.stringify({
    logs: events.map((event) => ({
      service: event.service,
      level: event.level,
      message: event.message.slice(0, MESSAGE_LENGTH_MAX),
      latency_ms: event.latencyMs,
      timestamp: event.createdAt,
    })),
  })
}

/** The original engine knows four levels; whatever else it was sent counted as INFO. */
const ORIGINAL_LEVELS: Readonly<Record<Level, string>> = {
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  WARN: 'WARN',
  ERROR: 'ERROR',
  FATAL: 'ERROR',
}

/** {service, level, message, latency_ms}, as the original processor asked. */
export function singleQuestion(event: LogEvent): string {
  return JSON.stringify({
    service: event.service,
    level: ORIGINAL_LEVELS[event.level],
    message: event.message.slice(0, MESSAGE_LENGTH_MAX),
    latency_ms: event.latencyMs,
  })
}

/** null in the place of a log that has no usable answer; a sentence where the whole is none. */
export function readBatchAnswer(body: Buffer, count: number): (RemoteVerdict | null)[] | string {
  const answer = parsed(body)
  if (typeof answer !== 'object' || answer === null) return 'an answer that is no JSON object'
  const results = 'results' in answer ? answer.results : undefined
  if (!Array.isArray(results)) return 'an answer without results'
  if (results.length !== count) return `${results.length} results for ${count} logs`
  const verdicts = results.map(verdictOf)
  const missing = verdicts.reduce((sum, each) => sum + (each === null ? 1 : 0), 0)
  return missing * 2 > count ? `${missing} of ${count} results cannot be used` : verdicts
}

export function readSingleAnswer(body: Buffer): RemoteVerdict | null {
  return verdictOf(parsed(body))
}

/** undefined: no JSON, or so deep that parsing it would take seconds. */
function parsed(body: Buffer): unknown {
  if (isDeeperThan(body, DEPTH_MAX)) return undefined
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function verdictOf(result: unknown): RemoteVerdict | null {
  if (typeof result !== 'object' || result === null) return null
  if (!('anomaly_score' in result && 'is_anomaly' in result)) return null
  const { anomaly_score: score, is_anomaly: isAnomaly } = result
  if (typeof score !== 'number' || !(score >= 0 && score <= 1 + ROUNDING) || typeof isAnomaly !== 'boolean') return null
  const explanation = 'explanation' in result && isAnomaly ? explanationOf(result.explanation) : null
  return { score: Math.min(1, score), isAnomaly, explanation }
}

/** Escapes of NUL and of halves of surrogate pairs are what JSON may hold and a jsonb column refuses. */
const NOT_FOR_JSONB = /\\u(0000|d[89a-f])/i

function explanationOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const text = JSON.stringify(value)
  return Buffer.byteLength(text) > EXPLANATION_LENGTH_MAX || NOT_FOR_JSONB.test(text) ? null : text
}

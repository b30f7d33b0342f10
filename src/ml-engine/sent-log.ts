/**
 * A log as clients send it over HTTP, and the event it is scored as. Read as tolerantly as the messages of the topic are: the
 * same names of levels, latencies also as text, a message of any type. What has a type that cannot be meant is a client's mistake.
 */
import { z } from 'zod'
import { type EpochMs, epochMs, type LogEvent } from '../log.ts'
import { readLatency } from '../normalize/latency.ts'
import { readLevel } from '../normalize/level.ts'
import { readService } from '../normalize/service.ts'
import { storableText } from '../normalize/text.ts'
import { readTimestamp } from '../normalize/timestamp.ts'

const SERVICE_LENGTH_MAX = 200
/** Templates are made of the first 512 characters. */
const MESSAGE_LENGTH_MAX = 2_048
/** Clocks differ, but not by more. */
const AHEAD_MS = 60_000

/** The `error` of each field is what a client reads. */
export const SentLog = z.object({
  service: z
    .union([z.string(), z.number()], { error: 'expected a text' })
    .nullish()
    .describe('Who logged; missing: `unknown`'),
  level: z
    .union([z.string(), z.number()], { error: 'expected a text or a number' })
    .nullish()
    .describe('DEBUG, INFO, WARN, ERROR, FATAL, or what loggers call them; unknown or missing: INFO'),
  message: z.unknown().optional().describe('The text; anything else is taken as its JSON text'),
  latency_ms: z
    .union([z.number(), z.string()], { error: 'expected a number or null' })
    .nullish()
    .describe('Milliseconds; negative or unreadable: none'),
  timestamp: z
    .union([z.string(), z.number()], { error: 'expected an ISO 8601 text or a number' })
    .nullish()
    .describe('When it happened: ISO 8601 or a Unix time; unreadable or missing: the time of arrival'),
})
export type SentLog = z.output<typeof SentLog>

/** `arrivalMs` (Unix time) bounds what the log may say about its own time, and stands in for it. */
export function eventOf(sent: SentLog, arrivalMs: number): LogEvent {
  return {
    partition: 0,
    offset: 0,
    item: 0,
    service: readService(sent.service ?? undefined, SERVICE_LENGTH_MAX),
    level: readLevel(sent.level ?? undefined, false) ?? 'INFO',
    message: textOf(sent.message),
    latencyMs: readLatency(sent.latency_ms ?? undefined).ms,
    createdAt: timeOf(sent.timestamp, arrivalMs),
    recordTimestamp: epochMs(arrivalMs),
    userId: null,
    metadata: null,
  }
}

function textOf(sent: unknown): string {
  const text = typeof sent === 'string' ? sent : sent === undefined ? '' : JSON.stringify(sent)
  return storableText(text.slice(0, MESSAGE_LENGTH_MAX))
}

function timeOf(sent: SentLog['timestamp'], arrivalMs: number): EpochMs {
  const read = sent === undefined || sent === null ? null : readTimestamp(sent)
  if (read === null || !(read.at > 0)) return epochMs(arrivalMs)
  return epochMs(Math.min(read.at, arrivalMs + AHEAD_MS))
}

/** The name under which a service was counted. */
export function serviceName(sent: string): string {
  return readService(sent, SERVICE_LENGTH_MAX)
}

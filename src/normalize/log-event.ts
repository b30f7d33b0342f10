/** The fields of one log, as sent, to a LogEvent. Whatever had to be changed is noted and ends in the metadata. */
import { type EpochMs, epochMs, type LogEvent } from '../log.ts'
import type { Fields } from './aliases.ts'
import type { Coercions } from './coercions.ts'
import { isInexact, JsonText } from './json-text.ts'
import { readLatency } from './latency.ts'
import { readLevel } from './level.ts'
import type { NormalizeLimits } from './limits.ts'
import { metadataOf } from './metadata.ts'
import { readService, shortText } from './service.ts'
import { cutText, storableText } from './text.ts'
import { readTimestamp } from './timestamp.ts'

/** Where a record stands, and what is known of it as a whole. */
export interface RecordPlace {
  readonly partition: number
  readonly offset: number
  /** null where the record's own time is not to be believed. */
  readonly recordTimestamp: EpochMs | null
  /** Asked only where the record has no believable time. */
  readonly now: () => number
}

/** How far a time may lie ahead of its record: clocks differ, but not by more. */
export const FUTURE_TOLERANCE_MS = 3_600_000
const DAY_MS = 86_400_000

export function logEventOf(
  fields: Fields,
  coercions: Coercions,
  where: { readonly place: RecordPlace; readonly item: number; readonly limits: NormalizeLimits },
): LogEvent {
  const { place, item, limits } = where
  const service = serviceOf(fields.get('service'), coercions, limits)
  const level = levelOf(fields.get('level'), coercions, limits)
  const message = messageOf(fields.get('message'), coercions, limits)
  const latencyMs = latencyOf(fields.get('latency_ms'), coercions)
  const createdAt = createdAtOf(fields.get('timestamp'), coercions, place, limits)
  const userId = userIdOf(fields.get('userId'), coercions, limits)
  return {
    partition: place.partition,
    offset: place.offset,
    item,
    service,
    level,
    message,
    latencyMs,
    createdAt,
    recordTimestamp: place.recordTimestamp,
    userId,
    metadata: metadataOf(fields, coercions, limits.metadataBytesMax),
  }
}

function serviceOf(sent: unknown, coercions: Coercions, limits: NormalizeLimits): string {
  const service = readService(sent, limits.serviceLengthMax)
  if (service !== sent) coercions.keep('service', sent)
  return service
}

function levelOf(sent: unknown, coercions: Coercions, limits: NormalizeLimits): LogEvent['level'] {
  const level = readLevel(sent, limits.syslogLevels)
  if (level === null) coercions.keep('level', sent)
  return level ?? 'INFO'
}

function messageOf(sent: unknown, coercions: Coercions, limits: NormalizeLimits): string {
  if (typeof sent === 'string') {
    const text = cutText(storableText(sent), limits.textBytesMax)
    if (text !== sent) coercions.note('message')
    return text
  }
  coercions.note('message')
  if (sent === undefined) return ''
  const json = new JsonText(Number.POSITIVE_INFINITY, coercions)
  json.value(sent)
  return cutText(json.text, limits.textBytesMax)
}

function latencyOf(sent: unknown, coercions: Coercions): number | null {
  const { ms, faithful } = readLatency(sent)
  if (!faithful) coercions.keep('latency_ms', sent)
  if (!faithful && isInexact(sent)) coercions.inexactNumber = true
  return ms
}

/** The time sent, if it can be read and is possible for its record; else the record's. */
function createdAtOf(sent: unknown, coercions: Coercions, place: RecordPlace, limits: NormalizeLimits): EpochMs {
  const recorded = place.recordTimestamp
  const read = sent === undefined ? null : readTimestamp(sent)
  const reference = recorded ?? epochMs(place.now())
  if (read !== null && isPossible(read.at, reference, limits)) {
    if (!read.faithful) coercions.keep('timestamp', sent)
    return read.at
  }
  if (sent !== undefined) coercions.keep('timestamp', sent)
  if (recorded === null) coercions.note('ts_source')
  return reference
}

/** A time sent, beside its record's. */
export function isPossible(at: EpochMs, reference: EpochMs, limits: NormalizeLimits): boolean {
  if (at <= 0 || at > reference + FUTURE_TOLERANCE_MS) return false
  return limits.timestampMaxAgeDays === null || at >= reference - limits.timestampMaxAgeDays * DAY_MS
}

/** Numbers are as good as text here; other types are none. */
function userIdOf(sent: unknown, coercions: Coercions, limits: NormalizeLimits): string | null {
  if (sent === undefined) return null
  if (typeof sent === 'number' && Number.isFinite(sent)) {
    if (isInexact(sent)) {
      coercions.inexactNumber = true
      coercions.note('number_as_text')
    }
    return String(sent)
  }
  const userId = typeof sent === 'string' ? shortText(sent, limits.serviceLengthMax) : ''
  if (userId !== sent) coercions.keep('userId', sent)
  return userId === '' ? null : userId
}

/**
 * The log that nearly every producer sends: service, level, message, latency, timestamp and user id, each at most once, each as it
 * should be, and beside them what nobody asked for, plainly written. Straight from the columns of the flat reader to a LogEvent, and the same one that log-event.ts makes; whatever
 * needs a second look is left to it.
 */
import type { Form } from '../json-string.ts'
import type { EpochMs, LogEvent } from '../log.ts'
import type { LogPool } from '../log-pool.ts'
import { type FlatJson, isText, MEMBER } from './flat-json.ts'
import { LATENCY_MS_MAX } from './latency.ts'
import { readLevel } from './level.ts'
import type { NormalizeLimits } from './limits.ts'
import { isPossible, type RecordPlace } from './log-event.ts'
import { readService, shortText } from './service.ts'
import { isoMsAt } from './timestamp.ts'

/** null: not that simple. Taken from the pool where there is one; it then holds on to the bytes. */
export function flatLogEvent(
  flat: FlatJson,
  place: RecordPlace,
  limits: NormalizeLimits,
  pool: LogPool | null,
): LogEvent | null {
  const { recordTimestamp } = place
  if (recordTimestamp === null || !hasOwnMetadata(flat, limits)) return null
  const { kinds, places, starts, ends } = flat
  let service: string | null = null
  let level: LogEvent['level'] | null = null
  let message = -1
  let latencyMs: number | null = null
  let createdAt: EpochMs | null = null
  let userId = -1
  let seen = 0
  for (let member = 0; member < flat.count; member++) {
    const place = places[member]!
    if (place === null) continue
    const { field, bit } = place
    if ((seen & bit) !== 0) return null
    seen |= bit
    const kind = kinds[member]!
    if (kind === MEMBER.null) continue
    if (field === 'latency_ms') {
      const ms = flat.numbers[member]!
      if (kind !== MEMBER.number || latencyMs !== null || !(ms >= 0 && ms <= LATENCY_MS_MAX)) return null
      latencyMs = ms === 0 ? 0 : ms
      continue
    }
    if (!isText(kind)) return null
    const start = starts[member]!
    const end = ends[member]!
    if (field === 'message') {
      if (message >= 0 || end - start > limits.textBytesMax) return null
      message = member
    } else if (field === 'service') {
      if (service !== null) return null
      service = kind === MEMBER.ascii ? flat.fewTextOf(member) : flat.textOf(member)
      if (readService(service, limits.serviceLengthMax) !== service) return null
    } else if (field === 'level') {
      if (level !== null || kind !== MEMBER.ascii) return null
      level = readLevel(flat.fewTextOf(member), limits.syslogLevels)
      if (level === null) return null
    } else if (field === 'timestamp') {
      const at = isoMsAt(flat.bytes, start, end)
      if (at === null || createdAt !== null || !isPossible(at, recordTimestamp, limits)) return null
      createdAt = at
    } else {
      if (userId >= 0 || !isStoredAsSent(flat, member, limits)) return null
      userId = member
    }
  }
  if (service === null || level === null || message < 0) return null
  if (pool === null) {
    return {
      partition: place.partition,
      offset: place.offset,
      item: 0,
      service,
      level,
      message: flat.textOf(message),
      latencyMs,
      createdAt: createdAt ?? recordTimestamp,
      recordTimestamp,
      userId: userId < 0 ? null : flat.textOf(userId),
      metadata: flat.extras.count === 0 ? null : flat.extras.json.textOf(flat.bytes),
    }
  }
  const log = pool.take()
  log.partition = place.partition
  log.offset = place.offset
  log.service = service
  log.level = level
  log.createdAt = createdAt ?? recordTimestamp
  log.recordTimestamp = recordTimestamp
  log.latency = latencyMs ?? -1
  log.bytes = flat.bytes
  log.messageAt = starts[message]!
  log.messageBytes = ends[message]! - starts[message]!
  log.messageForm = kinds[message] as Form
  log.keepMetadata(flat.extras.json)
  log.userIdAt = userId < 0 ? 0 : starts[userId]!
  log.userIdBytes = userId < 0 ? -1 : ends[userId]! - starts[userId]!
  return log
}

/** Whether what nobody asked for can be stored as it lies there. */
function hasOwnMetadata({ extras }: FlatJson, { depthMax, metadataBytesMax }: NormalizeLimits): boolean {
  if (extras.count === 0) return true
  return extras.verbatim && extras.json.length <= metadataBytesMax && extras.depth < depthMax
}

/** Whether a name can be stored as it lies there. */
function isStoredAsSent(flat: FlatJson, member: number, { serviceLengthMax }: NormalizeLimits): boolean {
  const kind = flat.kinds[member]
  if (kind === MEMBER.ascii) return isName(flat.bytes, flat.starts[member]!, flat.ends[member]!, serviceLengthMax)
  if (kind !== MEMBER.utf8) return false
  const sent = flat.textOf(member)
  return sent !== '' && shortText(sent, serviceLengthMax) === sent
}

/** ASCII without blanks, not empty and not too long: stored as it is. */
function isName(bytes: Uint8Array, start: number, end: number, lengthMax: number): boolean {
  if (end === start || end - start > lengthMax) return false
  for (let at = start; at < end; at++) if (bytes[at] === 0x20) return false
  return true
}

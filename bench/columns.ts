/**
 * One object per log against columns (one object per batch, arrays inside), from bytes to COPY rows: normalize, a stand-in for
 * scoring that reads every numeric field, encode. Both ways read and write through the same functions and must produce the
 * same bytes; what differs is only how a log travels between the stages.
 *
 *   node bench/columns.ts [logs] [rounds]
 */
import { epochMs, type LogEvent, type RawRecord, type ScoredLog } from '../src/log.ts'
import { Fields } from '../src/normalize/aliases.ts'
import { Coercions } from '../src/normalize/coercions.ts'
import { readLatency } from '../src/normalize/latency.ts'
import { readLevel } from '../src/normalize/level.ts'
import { DEFAULT_NORMALIZE_LIMITS as LIMITS } from '../src/normalize/limits.ts'
import { logEventOf, type RecordPlace } from '../src/normalize/log-event.ts'
import { openMessage } from '../src/normalize/message.ts'
import { metadataOf } from '../src/normalize/metadata.ts'
import { readService } from '../src/normalize/service.ts'
import { cutText, storableText } from '../src/normalize/text.ts'
import { readTimestamp } from '../src/normalize/timestamp.ts'
import { BinaryRows } from '../src/postgres/binary-rows.ts'

const BATCH = 5000
const START = 1_767_225_600_000
const SERVICES = ['payment-service', 'auth-service', 'cart', 'frontend', 'checkout', 'currency', 'email', 'ads']
const LEVELS = ['INFO', 'INFO', 'INFO', 'DEBUG', 'WARN', 'ERROR']

function sdkLog(i: number): string {
  const service = SERVICES[i % SERVICES.length]
  const message = `request ${i} to /api/v1/orders/${i % 977} finished with status ${200 + (i % 4) * 100} for client 10.0.${i % 200}.7`
  const timestamp = new Date(START + i).toISOString()
  return JSON.stringify({
    service,
    level: LEVELS[i % 6],
    message,
    latency_ms: (i * 7919) % 1000,
    userId: `u${i % 5000}`,
    timestamp,
  })
}

function score(latencyMs: number | null, level: string, createdAt: number): number {
  const slow = latencyMs === null ? 0 : latencyMs / (latencyMs + 1000)
  return (slow + (level === 'ERROR' ? 0.3 : 0) + (createdAt % 7) / 100) / 2
}

function encodeValues(
  rows: BinaryRows,
  service: string,
  level: string,
  message: string,
  latencyMs: number | null,
  anomalyScore: number,
  createdAt: number,
  userId: string | null,
  metadata: string | null,
  offset: number,
): void {
  rows.row(10)
  rows.name(service)
  rows.name(level)
  rows.text(message)
  if (latencyMs === null) rows.null()
  else rows.int4(Math.round(latencyMs))
  rows.float8(anomalyScore)
  rows.bool(anomalyScore > 0.7)
  rows.timestamp(createdAt)
  if (userId === null) rows.null()
  else rows.text(userId)
  if (metadata === null) rows.null()
  else rows.jsonb(metadata)
  rows.int8(offset)
}

const fields = new Fields(LIMITS.metadataBytesMax)
const coercions = new Coercions()

/** Leaves the fields of the log in `fields`; false where the record is none. */
function open(record: RawRecord): boolean {
  const message = openMessage(record, LIMITS)
  if (message.kind !== 'logs') return false
  fields.fill(message.logs)
  coercions.clear()
  return true
}

function byObjects(records: readonly RawRecord[], rows: BinaryRows): Buffer {
  const events: LogEvent[] = []
  for (const record of records) {
    const place: RecordPlace = { partition: 0, offset: record.offset, recordTimestamp: record.timestamp, now: Date.now }
    if (open(record)) events.push(logEventOf(fields, coercions, { place, item: 0, limits: LIMITS }))
  }
  const logs: ScoredLog[] = events.map((event) => {
    const anomaly = score(event.latencyMs, event.level, event.createdAt)
    return { event, score: anomaly, isAnomaly: anomaly > 0.7, source: 'model', explanation: null }
  })
  rows.start(1 << 24)
  for (const { event, score: anomalyScore } of logs) {
    const { service, level, message, latencyMs, createdAt, userId, metadata, offset } = event
    encodeValues(rows, service, level, message, latencyMs, anomalyScore, createdAt, userId, metadata, offset)
  }
  return rows.finish()
}

class Columns {
  count = 0
  readonly service: string[] = []
  readonly level: string[] = []
  readonly message: string[] = []
  /** NaN: none. */
  readonly latencyMs = new Float64Array(BATCH)
  readonly createdAt = new Float64Array(BATCH)
  readonly offset = new Float64Array(BATCH)
  readonly userId: (string | null)[] = []
  readonly metadata: (string | null)[] = []
  readonly score = new Float64Array(BATCH)

  push(record: RawRecord): void {
    if (!open(record)) return
    const i = this.count++
    const message = fields.get('message')
    const userId = fields.get('userId')
    this.service.push(readService(fields.get('service'), LIMITS.serviceLengthMax))
    this.level.push(readLevel(fields.get('level'), false) ?? 'INFO')
    this.message.push(typeof message === 'string' ? cutText(storableText(message), LIMITS.textBytesMax) : '')
    this.latencyMs[i] = readLatency(fields.get('latency_ms')).ms ?? Number.NaN
    this.createdAt[i] = readTimestamp(fields.get('timestamp'))?.at ?? record.timestamp
    this.offset[i] = record.offset
    this.userId.push(typeof userId === 'string' ? readService(userId, LIMITS.serviceLengthMax) : null)
    this.metadata.push(metadataOf(fields, coercions, LIMITS.metadataBytesMax))
  }
}

function byColumns(records: readonly RawRecord[], rows: BinaryRows): Buffer {
  const columns = new Columns()
  for (const record of records) columns.push(record)
  const { count, service, level, message, latencyMs, createdAt, offset, userId, metadata } = columns
  for (let i = 0; i < count; i++) columns.score[i] = score(latencyMs[i]!, level[i]!, createdAt[i]!)
  rows.start(1 << 24)
  for (let i = 0; i < count; i++) {
    const latency = Number.isNaN(latencyMs[i]!) ? null : latencyMs[i]!
    encodeValues(
      rows,
      service[i]!,
      level[i]!,
      message[i]!,
      latency,
      columns.score[i]!,
      createdAt[i]!,
      userId[i]!,
      metadata[i]!,
      offset[i]!,
    )
  }
  return rows.finish()
}

type Way = (records: readonly RawRecord[], rows: BinaryRows) => Buffer

/** CPU-seconds of the process, garbage collection included, for a million logs. */
function cpuPerMillion(way: Way, records: readonly RawRecord[], logs: number): number {
  const rows = new BinaryRows(1 << 22)
  const before = process.cpuUsage()
  for (let done = 0; done < logs; done += records.length) {
    for (let at = 0; at < records.length; at += BATCH) way(records.slice(at, at + BATCH), rows)
  }
  const used = process.cpuUsage(before)
  return (used.user + used.system) / logs
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function main(logs: number, rounds: number): void {
  const records = Array.from({ length: 20 * BATCH }, (_, i): RawRecord => {
    return { offset: i, timestamp: epochMs(START + i), key: null, headers: null, value: Buffer.from(sdkLog(i)) }
  })
  const ways: [string, Way][] = [
    ['objects', byObjects],
    ['columns', byColumns],
  ]
  const first = records.slice(0, BATCH)
  if (!byObjects(first, new BinaryRows(1 << 22)).equals(byColumns(first, new BinaryRows(1 << 22)))) {
    throw new Error('the two ways differ')
  }
  const figures = new Map(ways.map(([name]): [string, number[]] => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (const [name, way] of round % 2 === 0 ? ways : ways.toReversed()) {
      const cpu = cpuPerMillion(way, records, logs)
      if (round >= 0) figures.get(name)?.push(cpu)
    }
  }
  for (const [name, values] of figures) {
    const each = values.map((value) => value.toFixed(2)).join(' ')
    process.stdout.write(`${name}: ${median(values).toFixed(2)} CPU-s per million logs (${each})\n`)
  }
}

main(Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 5))

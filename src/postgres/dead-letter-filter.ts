/** Which dead letters are meant, as a condition with binds; and how a row of the table reads. */

export const DEAD_LETTER_STATUSES = ['new', 'replayed', 'discarded'] as const
export type DeadLetterStatus = (typeof DEAD_LETTER_STATUSES)[number]

export interface DeadLetterPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Undefined: every item of the record. */
  readonly item?: number | undefined
}

/** What is undefined is not asked for. */
export interface DeadLetterFilter {
  readonly namespace?: string | undefined
  readonly reason?: string | undefined
  readonly service?: string | undefined
  readonly fingerprint?: string | undefined
  readonly status?: DeadLetterStatus | undefined
  /** By the time of storing; `since` is included, `until` is not. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  readonly position?: DeadLetterPosition | undefined
}

/** `where ...` with its binds, numbered from $1. */
export function matching(filter: DeadLetterFilter): { readonly where: string; readonly values: unknown[] } {
  const { position } = filter
  const conditions: [string, unknown][] = [
    ['namespace =', filter.namespace],
    ['reason =', filter.reason],
    ['service =', filter.service],
    ['fingerprint =', filter.fingerprint],
    ['status =', filter.status],
    ['created_at >=', filter.since?.toISOString()],
    ['created_at <', filter.until?.toISOString()],
    ['topic =', position?.topic],
    ['part =', position?.partition],
    ['"offset" =', position?.offset],
    ['item =', position?.item],
  ]
  const asked = conditions.filter(([, value]) => value !== undefined)
  const where = asked.map(([condition], at) => `${condition} $${at + 1}`).join(' and ')
  return { where: `where ${where === '' ? 'true' : where}`, values: asked.map(([, value]) => value) }
}

export interface DeadLetter {
  readonly namespace: string
  readonly topic: string
  readonly incarnation: number
  readonly partition: number
  readonly offset: number
  /** -1: the whole record. */
  readonly item: number
  readonly reason: string
  readonly detail: string
  readonly service: string | null
  readonly sqlstate: string | null
  readonly fingerprint: string
  readonly status: string
  readonly attempts: number
  /** What the last attempt found, or why it was discarded. */
  readonly outcome: string | null
  /** ISO 8601; null before the first attempt. */
  readonly attemptedAt: string | null
  /** ISO 8601 with the database's microseconds cut to milliseconds; null where the record had no believable time. */
  readonly recordTime: string | null
  readonly createdAt: string
  /** Cut at DEAD_LETTER_BYTES_MAX; `valueSize` and `valueSha256` are of the whole. In a list only the first bytes. */
  readonly value: Buffer | null
  readonly valueSize: number | null
}

export interface WholeDeadLetter extends DeadLetter {
  readonly key: Buffer | null
  /** Hex. */
  readonly valueSha256: string | null
  readonly headers: unknown
}

export interface Row {
  readonly namespace: string
  readonly topic: string
  readonly incarnation: number
  readonly part: number
  readonly offset: string
  readonly item: number
  readonly reason: string
  readonly detail: string
  readonly service: string | null
  readonly sqlstate: string | null
  readonly fingerprint: string
  readonly status: string
  readonly attempts: number
  readonly outcome: string | null
  readonly attempted_at: Date | null
  readonly record_ts: Date | null
  readonly created_at: Date
  readonly value: Buffer | null
  readonly value_size: string | null
}
export interface WholeRow extends Row {
  readonly key: Buffer | null
  readonly value_sha256: Buffer | null
  readonly headers: unknown
}

export const COLUMNS = `namespace, topic, incarnation, part, "offset", item, reason, detail, service, sqlstate, fingerprint, status,
       attempts, outcome, attempted_at, record_ts, created_at, value_size`
export const WHOLE_COLUMNS = `${COLUMNS}, value, key, value_sha256, headers`

export function letterOf(row: Row): DeadLetter {
  return {
    namespace: row.namespace,
    topic: row.topic,
    incarnation: row.incarnation,
    partition: row.part,
    offset: Number(row.offset),
    item: row.item,
    reason: row.reason,
    detail: row.detail,
    service: row.service,
    sqlstate: row.sqlstate,
    fingerprint: row.fingerprint,
    status: row.status,
    attempts: row.attempts,
    outcome: row.outcome,
    attemptedAt: row.attempted_at?.toISOString() ?? null,
    recordTime: row.record_ts?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    value: row.value,
    valueSize: row.value_size === null ? null : Number(row.value_size),
  }
}

export function wholeLetterOf(row: WholeRow): WholeDeadLetter {
  const valueSha256 = row.value_sha256?.toString('hex') ?? null
  return { ...letterOf(row), key: row.key, valueSha256, headers: row.headers }
}

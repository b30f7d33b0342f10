/** Reading dead letters: a filtered list with counts by reason, and one position in full. */
import type pg from 'pg'
import { close, connect, type DatabaseOptions, withDeadline } from './connection.ts'
import { asProcessorError } from './ledger.ts'

export interface DeadLetterFilter {
  readonly reason?: string | undefined
  readonly service?: string | undefined
  /** By the time of storing; `since` is included, `until` is not. */
  readonly since?: Date | undefined
  readonly until?: Date | undefined
  /** Letters listed, newest first. The counts are over all that match. */
  readonly limit: number
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
  /** ISO 8601 with the database's microseconds cut to milliseconds; null where the record had no believable time. */
  readonly recordTime: string | null
  readonly createdAt: string
  /** Cut at DEAD_LETTER_BYTES_MAX; `valueSize` and `valueSha256` are of the whole. In a list only the first bytes. */
  readonly value: Buffer | null
  readonly valueSize: number | null
}

export interface WholeDeadLetter extends DeadLetter {
  readonly key: Buffer | null
  readonly valueSha256: string | null
  readonly headers: unknown
}

export interface DeadLetterList {
  /** Reason and count, most first. */
  readonly counts: readonly { readonly reason: string; readonly count: number }[]
  readonly letters: readonly DeadLetter[]
}

export interface DeadLetterPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Undefined: every item of the record. */
  readonly item?: number | undefined
}

interface Row {
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
  readonly record_ts: Date | null
  readonly created_at: Date
  readonly value: Buffer | null
  readonly value_size: string | null
}
interface WholeRow extends Row {
  readonly key: Buffer | null
  readonly value_sha256: Buffer | null
  readonly headers: unknown
}

const LISTED_BYTES = 256
/** A position holds at most one letter an item and incarnation; a message may carry thousands of items. */
const SHOWN_MAX = 100

const COLUMNS = `namespace, topic, incarnation, part, "offset", item, reason, detail, service, sqlstate, fingerprint, status,
       attempts, record_ts, created_at, value_size`
const MATCHING = `
  from ingest_dead_letter
 where ($1::text is null or reason = $1)
   and ($2::text is null or service = $2)
   and ($3::timestamptz is null or created_at >= $3)
   and ($4::timestamptz is null or created_at < $4)`

/** Rejects with POSTGRES_UNAVAILABLE or POSTGRES_CONFIGURATION. */
export async function listDeadLetters(database: DatabaseOptions, filter: DeadLetterFilter): Promise<DeadLetterList> {
  const bounds = [
    filter.reason ?? null,
    filter.service ?? null,
    filter.since?.toISOString() ?? null,
    filter.until?.toISOString() ?? null,
  ]
  return reading(database, async (client) => {
    const counts = await client.query<{ reason: string; count: string }>(
      `select reason, count(*) as count ${MATCHING} group by reason order by count(*) desc, reason`,
      bounds,
    )
    const letters = await client.query<Row>(
      `select ${COLUMNS}, substring(value for ${LISTED_BYTES}) as value ${MATCHING}
        order by created_at desc, topic, part, "offset" desc, item
        limit $5`,
      [...bounds, filter.limit],
    )
    return {
      counts: counts.rows.map(({ reason, count }) => ({ reason, count: Number(count) })),
      letters: letters.rows.map(letterOf),
    }
  })
}

/** The letters at one position, newest incarnation of the topic first; empty where there are none. */
export async function showDeadLetter(
  database: DatabaseOptions,
  { topic, partition, offset, item }: DeadLetterPosition,
): Promise<WholeDeadLetter[]> {
  return reading(database, async (client) => {
    const { rows } = await client.query<WholeRow>(
      `select ${COLUMNS}, value, key, value_sha256, headers
         from ingest_dead_letter
        where topic = $1 and part = $2 and "offset" = $3
          and ($4::int is null or item = $4)
        order by incarnation desc, namespace, item
        limit ${SHOWN_MAX}`,
      [topic, partition, offset, item ?? null],
    )
    return rows.map((row) => ({
      ...letterOf(row),
      key: row.key,
      valueSha256: row.value_sha256?.toString('hex') ?? null,
      headers: row.headers,
    }))
  })
}

function letterOf(row: Row): DeadLetter {
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
    recordTime: row.record_ts?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    value: row.value,
    valueSize: row.value_size === null ? null : Number(row.value_size),
  }
}

async function reading<T>(database: DatabaseOptions, work: (client: pg.Client) => Promise<T>): Promise<T> {
  let client: pg.Client | null = null
  try {
    client = await connect(database)
    return await withDeadline(client, work(client))
  } catch (error) {
    throw asProcessorError(error)
  } finally {
    if (client !== null) await close(client)
  }
}

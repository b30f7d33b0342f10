/**
 * Dead letters don't stay for ever: those that are too old, and the oldest of those that are too many, are deleted, whole
 * records at a time and in small transactions (ingest_purge, which notes them for the audit). On a connection of its own, apart
 * from everything that stores logs; several workers may do it at once and only wait for each other.
 */
import type pg from 'pg'
import { close, connect, type DatabaseOptions, withDeadline } from './connection.ts'
import { asProcessorError } from './ledger.ts'

export interface RetentionLimits {
  /** 0: any age. */
  readonly daysMax: number
  /** Of keys and values and what is kept beside them; 0: any size. */
  readonly bytesMax: number
}

export interface Purged {
  readonly byAge: number
  readonly bySize: number
}

const RECORDS_AT_ONCE = 1_000
/** What a letter takes beside its key and value: columns, header, index entries. */
const LETTER_BYTES = 400
const DEADLINE_MS = 60_000

/** Letters deleted. Rejects with POSTGRES_UNAVAILABLE or POSTGRES_CONFIGURATION; what was deleted until then stays deleted. */
export async function purgeDeadLetters(
  database: DatabaseOptions,
  namespace: string,
  { daysMax, bytesMax }: RetentionLimits,
): Promise<Purged> {
  let client: pg.Client | null = null
  try {
    client = await connect(database)
    const byAge = daysMax === 0 ? 0 : await purge(client, namespace, await ageLimit(client, daysMax))
    const bySize = bytesMax === 0 ? 0 : await purge(client, namespace, await sizeLimit(client, namespace, bytesMax))
    return { byAge, bySize }
  } catch (error) {
    throw asProcessorError(error)
  } finally {
    if (client !== null) await close(client)
  }
}

/** A time of the database's own clock, as text: a Date would lose the microseconds. */
async function ageLimit(client: pg.Client, daysMax: number): Promise<string | null> {
  return timeOf(client, `select (clock_timestamp() - make_interval(days => $1))::text as time`, [daysMax])
}

/**
 * The storing time of the newest letter that is too much; null where all fit. The table's size on disk is asked first, which
 * costs nothing: only where it is above the limit the letters are added up, newest first.
 */
async function sizeLimit(client: pg.Client, namespace: string, bytesMax: number): Promise<string | null> {
  const { rows } = await withDeadline(
    client,
    client.query<{ bytes: string }>(`select pg_total_relation_size('ingest_dead_letter') as bytes`),
  )
  if (Number(rows[0]?.bytes ?? 0) <= bytesMax) return null
  return timeOf(
    client,
    `select max(created_at)::text as time
       from (select created_at,
                    sum(${LETTER_BYTES} + coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0))
                      over (order by created_at desc) as bytes
               from ingest_dead_letter
              where namespace = $1) added
      where bytes > $2`,
    [namespace, bytesMax],
  )
}

async function timeOf(client: pg.Client, sql: string, values: readonly unknown[]): Promise<string | null> {
  const { rows } = await withDeadline(client, client.query<{ time: string | null }>(sql, [...values]), DEADLINE_MS)
  return rows[0]?.time ?? null
}

async function purge(client: pg.Client, namespace: string, until: string | null): Promise<number> {
  if (until === null) return 0
  let total = 0
  for (;;) {
    const answer = client.query<{ letters: string }>('select letters from ingest_purge($1, $2::timestamptz, $3)', [
      namespace,
      until,
      RECORDS_AT_ONCE,
    ])
    const letters = Number((await withDeadline(client, answer, DEADLINE_MS)).rows[0]?.letters ?? 0)
    if (letters === 0) return total
    total += letters
  }
}

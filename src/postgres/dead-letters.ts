/** Reading and marking dead letters: lists, groups by cause, one position in full, all of them in the order of Kafka, discards. */
import type pg from 'pg'
import { close, connect, type DatabaseOptions, withDeadline } from './connection.ts'
import {
  COLUMNS,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterPosition,
  letterOf,
  matching,
  type Row,
  WHOLE_COLUMNS,
  type WholeDeadLetter,
  type WholeRow,
  wholeLetterOf,
} from './dead-letter-filter.ts'
import { asProcessorError } from './ledger.ts'

export interface DeadLetterList {
  /** Reason and count, most first. */
  readonly counts: readonly { readonly reason: string; readonly count: number }[]
  readonly letters: readonly DeadLetter[]
}

/** Letters of one reason and fingerprint: one cause. */
export interface DeadLetterGroup {
  readonly reason: string
  readonly fingerprint: string
  readonly count: number
  /** Tried before and still not storable. */
  readonly attempted: number
  /** ISO 8601, by the time of storing. */
  readonly firstSeen: string
  readonly lastSeen: string
  /** The newest; its value's first bytes. */
  readonly example: DeadLetter
}

const LISTED_BYTES = 256
/** A position holds at most one letter an item and incarnation; a message may carry thousands of items. */
const SHOWN_MAX = 100
const READ_AT_ONCE = 100
/** A count over millions of letters takes its time; a network that went dark takes for ever. */
const READ_DEADLINE_MS = 120_000

/** At most `limit` letters, newest first; the counts are over all that match. Rejects with POSTGRES_UNAVAILABLE or POSTGRES_CONFIGURATION. */
export async function listDeadLetters(
  database: DatabaseOptions,
  { limit, ...filter }: DeadLetterFilter & { readonly limit: number },
): Promise<DeadLetterList> {
  const { where, values } = matching(filter)
  return withClient(database, async (client) => {
    const counts = await client.query<{ reason: string; count: string }>(
      `select reason, count(*) as count
         from ingest_dead_letter ${where}
        group by reason
        order by count(*) desc, reason`,
      values,
    )
    const letters = await client.query<Row>(
      `select ${COLUMNS}, substring(value for ${LISTED_BYTES}) as value
         from ingest_dead_letter ${where}
        order by created_at desc, topic, part, "offset" desc, item
        limit $${values.length + 1}`,
      [...values, limit],
    )
    return {
      counts: counts.rows.map(({ reason, count }) => ({ reason, count: Number(count) })),
      letters: letters.rows.map(letterOf),
    }
  })
}

interface GroupRow extends Row {
  readonly n: string
  readonly attempted: string
  readonly first_seen: Date
  readonly last_seen: Date
}

/** The largest groups first. Rejects as listDeadLetters does. */
export async function groupDeadLetters(
  database: DatabaseOptions,
  { limit, ...filter }: DeadLetterFilter & { readonly limit: number },
): Promise<DeadLetterGroup[]> {
  const { where, values } = matching(filter)
  return withClient(database, async (client) => {
    const { rows } = await client.query<GroupRow>(
      `with matching as (select * from ingest_dead_letter ${where}),
            grouped as (
              select reason as r, fingerprint as f, count(*) as n, count(*) filter (where attempts > 0) as attempted,
                     min(created_at) as first_seen, max(created_at) as last_seen
                from matching
               group by reason, fingerprint
               order by count(*) desc, max(created_at) desc
               limit $${values.length + 1})
       select g.n, g.attempted, g.first_seen, g.last_seen, example.*
         from grouped g
        cross join lateral (
              select ${COLUMNS}, substring(value for ${LISTED_BYTES}) as value
                from matching
               where reason = g.r and fingerprint = g.f
               order by created_at desc, part, "offset" desc, item
               limit 1) example
        order by g.n desc, g.last_seen desc`,
      [...values, limit],
    )
    return rows.map((row) => ({
      reason: row.reason,
      fingerprint: row.fingerprint,
      count: Number(row.n),
      attempted: Number(row.attempted),
      firstSeen: row.first_seen.toISOString(),
      lastSeen: row.last_seen.toISOString(),
      example: letterOf(row),
    }))
  })
}

/** The letters at one position, newest incarnation of the topic first; empty where there are none. */
export async function showDeadLetter(
  database: DatabaseOptions,
  which: Pick<DeadLetterFilter, 'namespace'> & { readonly position: DeadLetterPosition },
): Promise<WholeDeadLetter[]> {
  const { where, values } = matching(which)
  return withClient(database, async (client) => {
    const { rows } = await client.query<WholeRow>(
      `select ${WHOLE_COLUMNS}
         from ingest_dead_letter ${where}
        order by incarnation desc, namespace, item
        limit ${SHOWN_MAX}`,
      values,
    )
    return rows.map(wholeLetterOf)
  })
}

/**
 * All that match, whole, in the order of Kafka; those stored after the first was read are left out, so that a replay never
 * meets what it made itself. A hundred at a time, over a connection of its own. Rejects as listDeadLetters does.
 */
export async function* eachDeadLetter(
  database: DatabaseOptions,
  filter: DeadLetterFilter,
): AsyncGenerator<WholeDeadLetter> {
  const { where, values } = matching(filter)
  const now = await withClient(database, async (client) => {
    // As text: a Date would lose the microseconds, and with them the letters of the last one.
    const { rows } = await client.query<{ now: string }>('select clock_timestamp()::text as now')
    return rows[0]?.now
  })
  let last: DeadLetter | null = null
  for (;;) {
    const after: unknown[] =
      last === null
        ? ['', '', -1, -1, -1, -1]
        : [last.namespace, last.topic, last.incarnation, last.partition, last.offset, last.item]
    const letters = await withClient(database, async (client) => {
      const at = values.length
      const { rows } = await client.query<WholeRow>(
        `select ${WHOLE_COLUMNS}
           from ingest_dead_letter ${where}
            and created_at <= $${at + 1}
            and (namespace, topic, incarnation, part, "offset", item)
              > ($${at + 2}::text, $${at + 3}::text, $${at + 4}::int, $${at + 5}::int, $${at + 6}::bigint, $${at + 7}::int)
          order by namespace, topic, incarnation, part, "offset", item
          limit ${READ_AT_ONCE}`,
        [...values, now, ...after],
      )
      return rows.map(wholeLetterOf)
    })
    yield* letters
    last = letters.at(-1) ?? null
    if (letters.length < READ_AT_ONCE) return
  }
}

/**
 * Marks the new letters that match as discarded and says why; they stay counted as dead. With `erase` their bytes go, also of
 * those that were discarded before, which keep their reason. Answers how many of each. Rejects as listDeadLetters does.
 */
export async function discardDeadLetters(
  database: DatabaseOptions,
  filter: DeadLetterFilter,
  { why, erase }: { readonly why: string; readonly erase: boolean },
): Promise<{ discarded: number; erasedOnly: number }> {
  const { where, values } = matching(filter)
  const noBytes = 'key = null, value = null, headers = null'
  return withClient(database, async (client) => {
    const earlier = erase
      ? await client.query(
          `update ingest_dead_letter set ${noBytes}
            ${where} and status = 'discarded' and (key is not null or value is not null or headers is not null)`,
          values,
        )
      : null
    const { rowCount } = await client.query(
      `update ingest_dead_letter
          set status = 'discarded', attempted_at = clock_timestamp(), outcome = $${values.length + 1}${erase ? `, ${noBytes}` : ''}
          ${where} and status = 'new'`,
      [...values, why],
    )
    return { discarded: rowCount ?? 0, erasedOnly: earlier?.rowCount ?? 0 }
  })
}

async function withClient<T>(database: DatabaseOptions, work: (client: pg.Client) => Promise<T>): Promise<T> {
  let client: pg.Client | null = null
  try {
    client = await connect(database)
    return await withDeadline(client, work(client), READ_DEADLINE_MS)
  } catch (error) {
    throw asProcessorError(error)
  } finally {
    if (client !== null) await close(client)
  }
}

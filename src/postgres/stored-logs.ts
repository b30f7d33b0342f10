/**
 * Stored rows as the logs they came from, to be judged once more: partition by partition, in the order of the topic. What the table
 * does not keep is lost: the fraction of a latency, and the record's own time, for which an estimate stands in.
 */
import type pg from 'pg'
import { epochMs, LEVELS, type LogEvent } from '../log.ts'
import { close, connect, type DatabaseOptions, withDeadline } from './connection.ts'
import { asProcessorError } from './ledger.ts'
import { recordTimes, type TimedRow } from './record-times.ts'

export interface StoredLog {
  readonly event: LogEvent
  readonly score: number
  readonly isAnomaly: boolean
}

export interface StoredLogFilter {
  readonly namespace: string
  readonly topic: string
  /** By event time: from, inclusive, and until, exclusive; null where there is no bound. */
  readonly since: Date | null
  readonly until: Date | null
}

interface Row extends TimedRow {
  readonly kafka_offset: string | null
  readonly item: number | null
  readonly service: string | null
  readonly level: string | null
  readonly message: string | null
  readonly latency_ms: number | null
  readonly anomaly_score: number | null
  readonly is_anomaly: boolean | null
}

const ROWS_AT_ONCE = 5_000
/** The first rows come when all are sorted. */
const SORT_DEADLINE_MS = 600_000

const WANTED = `
    from logs
   where created_at >= $1 and created_at < $2
     and (ingest_topic_id is null
          or ingest_topic_id in (select id from ingest_topic where namespace = $3 and topic = $4))`
/** Rows without a position, from before this service, come first, as partition 0. */
const SELECT = `
  declare stored no scroll cursor for
  select kafka_partition, kafka_offset, item, service, level, message, latency_ms::float8 as latency_ms,
         (extract(epoch from created_at) * 1000)::float8 as at_ms,
         (extract(epoch from ingested_at) * 1000)::float8 as stored_ms, anomaly_score::float8 as anomaly_score, is_anomaly
  ${WANTED}
   order by kafka_partition nulls first, ingest_topic_id nulls first, kafka_offset, item, created_at, log_id`

/** How many such rows there are, by partition. Rejects as storedLogs does. */
export async function storedLogCounts(
  database: DatabaseOptions,
  filter: StoredLogFilter,
): Promise<Map<number, number>> {
  const client = await open(database)
  try {
    const rows = await ask<{ partition: number; n: string }>(
      client,
      `select coalesce(kafka_partition, 0) as partition, count(*) as n ${WANTED} group by 1`,
      valuesOf(filter),
    )
    return new Map(rows.map(({ partition, n }) => [partition, Number(n)]))
  } finally {
    await close(client)
  }
}

/** One snapshot of the table, however long the reading takes. Rejects with POSTGRES_UNAVAILABLE or POSTGRES_CONFIGURATION. */
export async function* storedLogs(database: DatabaseOptions, filter: StoredLogFilter): AsyncGenerator<StoredLog[]> {
  const client = await open(database)
  try {
    await ask(client, 'begin isolation level repeatable read read only')
    await ask(client, SELECT, valuesOf(filter))
    for (;;) {
      const rows = await ask<Row>(client, `fetch forward ${ROWS_AT_ONCE} from stored`)
      if (rows.length === 0) return
      const times = recordTimes(rows)
      yield rows.map((row, at) => logOf(row, times[at] ?? row.at_ms))
    }
  } finally {
    await close(client)
  }
}

async function open(database: DatabaseOptions): Promise<pg.Client> {
  const client = await connect(database).catch((error: unknown) => {
    throw asProcessorError(error)
  })
  try {
    await ask(client, "set timezone to 'UTC'")
    return client
  } catch (error) {
    await close(client)
    throw error
  }
}

function valuesOf({ since, until, namespace, topic }: StoredLogFilter): unknown[] {
  return [since ?? '-infinity', until ?? 'infinity', namespace, topic]
}

async function ask<R extends pg.QueryResultRow>(client: pg.Client, sql: string, values: unknown[] = []): Promise<R[]> {
  try {
    return (await withDeadline(client, client.query<R>(sql, values), SORT_DEADLINE_MS)).rows
  } catch (error) {
    throw asProcessorError(error)
  }
}

function logOf(row: Row, recordMs: number): StoredLog {
  return {
    event: {
      partition: row.kafka_partition ?? 0,
      offset: row.kafka_offset === null ? -1 : Number(row.kafka_offset),
      item: row.item ?? 0,
      service: row.service ?? '',
      level: LEVELS.find((level) => level === row.level) ?? 'INFO',
      message: row.message ?? '',
      latencyMs: row.latency_ms,
      createdAt: epochMs(row.at_ms),
      recordTimestamp: epochMs(recordMs),
      userId: null,
      metadata: null,
    },
    score: row.anomaly_score ?? 0,
    isAnomaly: row.is_anomaly === true,
  }
}

/** What the demo found, computed from the database: the ledger, the rows, the dead letters. */
import type pg from 'pg'
import { type AnomalyTimes, checkIncidents, type IncidentCheck } from './incident-check.ts'
import type { Incident } from './incidents.ts'

export interface TopAnomaly {
  readonly service: string
  readonly message: string
  readonly score: number
  readonly why: string
}
/** Counts are of this run's topic alone. */
export interface Summary {
  readonly produced: number
  readonly stored: number
  readonly skipped: number
  readonly lost: number
  readonly duplicates: number
  readonly dead_letters: Readonly<Record<string, number>>
  readonly anomalies: number
  readonly top: readonly TopAnomaly[]
  readonly check: IncidentCheck
}

interface Scope {
  readonly namespace: string
  readonly topic: string
}

const IDENTITY = `
  select coalesce(array_agg(id), '{}') as ids
    from ingest_topic
   where namespace = $1
     and topic = $2`

export interface Accounted {
  /** Each a row or more, a dead letter, or a skip. */
  readonly records: number
  readonly nextOffsets: ReadonlyMap<number, number>
}

/** What the ledger has accounted for. */
export async function accountedFor(database: pg.Client, { namespace, topic }: Scope): Promise<Accounted> {
  const { rows } = await database.query<{ part: number; n: string; next_offset: string }>(
    `select part, records + dead + skipped as n, next_offset
       from ingest_ledger
      where namespace = $1
        and topic = $2`,
    [namespace, topic],
  )
  return {
    records: rows.reduce((sum, { n }) => sum + Number(n), 0),
    nextOffsets: new Map(rows.map((row) => [row.part, Number(row.next_offset)])),
  }
}

/** Rows are counted on their identity, not on what the ledger believes: that would be the accused as the witness. */
export async function summarize(
  database: pg.Client,
  scope: Scope & { produced: number; incidents: readonly Incident[] },
): Promise<Summary> {
  const ids = (await database.query<{ ids: number[] }>(IDENTITY, [scope.namespace, scope.topic])).rows[0]?.ids ?? []
  const rows = await database.query<{ rows: string; items: string; records: string; anomalies: string }>(
    `select count(*) as rows,
            count(distinct (kafka_partition, kafka_offset, item)) as items,
            count(distinct (kafka_partition, kafka_offset)) as records,
            count(*) filter (where is_anomaly) as anomalies
       from logs
      where ingest_topic_id = any($1)`,
    [ids],
  )
  const dead = await database.query<{ reason: string; n: string }>(
    `select reason, count(*) as n
       from ingest_dead_letter
      where namespace = $1
        and topic = $2
      group by reason
      order by count(*) desc, reason`,
    [scope.namespace, scope.topic],
  )
  const wholeDead = await database.query<{ n: string }>(
    `select count(distinct (part, "offset")) as n
       from ingest_dead_letter d
      where namespace = $1
        and topic = $2
        and not exists (
          select from logs l
           where l.ingest_topic_id = any($3)
             and l.kafka_partition = d.part
             and l.kafka_offset = d."offset")`,
    [scope.namespace, scope.topic, ids],
  )
  const skipped = await database.query<{ n: string }>(
    `select coalesce(sum(skipped), 0) as n from ingest_ledger where namespace = $1 and topic = $2`,
    [scope.namespace, scope.topic],
  )
  const counted = rows.rows[0]
  const stored = Number(counted?.rows ?? 0)
  const skips = Number(skipped.rows[0]?.n ?? 0)
  return {
    produced: scope.produced,
    stored,
    skipped: skips,
    lost: scope.produced - Number(counted?.records ?? 0) - Number(wholeDead.rows[0]?.n ?? 0) - skips,
    duplicates: stored - Number(counted?.items ?? 0),
    dead_letters: Object.fromEntries(dead.rows.map(({ reason, n }) => [reason, Number(n)])),
    anomalies: Number(counted?.anomalies ?? 0),
    top: await topAnomalies(database, ids),
    check: checkIncidents(scope.incidents, await anomalyTimes(database, ids), await eventTime(database, ids)),
  }
}

/** The highest, at most one a service: five lines of the same burst would say less. */
async function topAnomalies(database: pg.Client, ids: readonly number[]): Promise<TopAnomaly[]> {
  const { rows } = await database.query<TopAnomaly>(
    `select service, message, score, why
       from (select distinct on (service) service, message, anomaly_score as score,
                    coalesce(explanation->>'why', '') as why
               from logs
              where ingest_topic_id = any($1)
                and is_anomaly
              order by service, anomaly_score desc, log_id) highest
      order by score desc, service
      limit 5`,
    [ids],
  )
  return rows
}

async function anomalyTimes(database: pg.Client, ids: readonly number[]): Promise<AnomalyTimes> {
  const { rows } = await database.query<{ service: string; times: number[] }>(
    `select service, array_agg((extract(epoch from created_at) * 1000)::float8) as times
       from logs
      where ingest_topic_id = any($1)
        and is_anomaly
      group by service`,
    [ids],
  )
  return new Map(rows.map(({ service, times }) => [service, times]))
}

/** Of all logs but the outermost thousandths: hostile messages carry times from anywhere. */
async function eventTime(database: pg.Client, ids: readonly number[]): Promise<{ firstMs: number; lastMs: number }> {
  const { rows } = await database.query<{ ends: [number, number] | null }>(
    `select percentile_disc(array[0.001, 0.999]) within group (order by extract(epoch from created_at)::float8 * 1000) as ends
       from logs
      where ingest_topic_id = any($1)`,
    [ids],
  )
  const [firstMs, lastMs] = rows[0]?.ends ?? [0, 0]
  return { firstMs, lastMs }
}

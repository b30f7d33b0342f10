/** What the demo found, computed from the database: the ledger, the rows, the dead letters. */
import type pg from 'pg'
import type { Incident } from './generator.ts'

export interface TopAnomaly {
  readonly service: string
  readonly message: string
  readonly score: number
  readonly why: string
}
export interface FoundIncident {
  readonly kind: string
  readonly service: string
  readonly found: boolean
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
  readonly incidents: readonly FoundIncident[]
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

/** Records the ledger has accounted for: each a row or more, a dead letter, or a skip. */
export async function accountedFor(database: pg.Client, { namespace, topic }: Scope): Promise<number> {
  const { rows } = await database.query<{ n: string }>(
    `select coalesce(sum(records + dead + skipped), 0) as n
       from ingest_ledger
      where namespace = $1
        and topic = $2`,
    [namespace, topic],
  )
  return Number(rows[0]?.n ?? 0)
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
    incidents: await foundIncidents(database, ids, scope.incidents),
  }
}

/** The highest, at most one a service: five lines of the same burst would say less. */
async function topAnomalies(database: pg.Client, ids: readonly number[]): Promise<TopAnomaly[]> {
  const { rows } = await database.query<TopAnomaly>(
    `select service, message, score, why
       from (select distinct on (service) service, message, anomaly_score as score,
                    coalesce(explanation->>'why', score_source) as why
               from logs
              where ingest_topic_id = any($1)
                and is_anomaly
              order by service, anomaly_score desc) highest
      order by score desc
      limit 5`,
    [ids],
  )
  return rows
}

/** Found: an anomaly of that service while the incident lasted, or in the minute after. */
async function foundIncidents(
  database: pg.Client,
  ids: readonly number[],
  incidents: readonly Incident[],
): Promise<FoundIncident[]> {
  const found: FoundIncident[] = []
  for (const { kind, service, fromMs, toMs } of incidents) {
    const { rowCount } = await database.query(
      `select
         from logs
        where ingest_topic_id = any($1)
          and is_anomaly
          and service = $2
          and created_at between to_timestamp($3::float8 / 1000) and to_timestamp($4::float8 / 1000) + interval '1 minute'
        limit 1`,
      [ids, service, fromMs, toMs],
    )
    found.push({ kind, service, found: rowCount === 1 })
  }
  return found
}

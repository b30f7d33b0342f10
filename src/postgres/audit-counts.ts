/**
 * What an audit reads of the database: the ledger, and the tables counted, all in one read-only snapshot, so that workers may
 * go on meanwhile. Two passes over logs and one over the dead letters; nothing is locked.
 */
import type pg from 'pg'
import type { LedgerCounts, LetterCounts, RowCounts, TopicCounts } from '../audit/counts.ts'
import { close, connect, type DatabaseOptions } from './connection.ts'
import { asProcessorError } from './ledger.ts'

/** Of every incarnation of the topic; empty where it was never started. Rejects with POSTGRES_UNAVAILABLE or _CONFIGURATION. */
export async function readAuditCounts(
  database: DatabaseOptions,
  { namespace, topic }: { readonly namespace: string; readonly topic: string },
): Promise<TopicCounts[]> {
  let client: pg.Client | null = null
  try {
    client = await connect(database)
    await client.query('begin transaction isolation level repeatable read read only')
    const found = await readAll(client, namespace, topic)
    await client.query('commit')
    return found
  } catch (error) {
    throw asProcessorError(error)
  } finally {
    if (client !== null) await close(client)
  }
}

/** As the driver gives bigint: text. */
type Texts<T> = { readonly [Name in keyof T]: T[Name] extends number ? string | number : T[Name] }

async function readAll(client: pg.Client, namespace: string, topic: string): Promise<TopicCounts[]> {
  const topics = await client.query<{ id: number; incarnation: number; topic_key: string }>(
    `select id, incarnation, topic_key
       from ingest_topic
      where namespace = $1 and topic = $2
      order by incarnation`,
    [namespace, topic],
  )
  const counts: TopicCounts[] = []
  for (const { id, incarnation, topic_key } of topics.rows) {
    const key = [namespace, topic, incarnation]
    counts.push({
      incarnation,
      topicKey: topic_key,
      ledger: await readLedger(client, key),
      rows: await readRows(client, id, key),
      letters: await readLetters(client, key),
    })
  }
  return counts
}

async function readLedger(client: pg.Client, key: readonly unknown[]): Promise<LedgerCounts[]> {
  const { rows } = await client.query<Texts<LedgerCounts>>(
    `select l.part as partition, l.base_offset as "baseOffset", l.next_offset as "nextOffset", l.records, l.dead,
            l.dead_items as "deadItems", l.skipped, l.holes, l.gaps, l.rows_written as rows, l.owner,
            coalesce((select sum(g.to_offset - g.from_offset) from ingest_gap g
                       where g.namespace = l.namespace and g.topic = l.topic and g.incarnation = l.incarnation
                         and g.part = l.part), 0) as "gapOffsets",
            coalesce(p.records, 0) as "purgedRecords", coalesce(p.items, 0) as "purgedItems"
       from ingest_ledger l
       left join ingest_dead_letter_purged p
         on p.namespace = l.namespace and p.topic = l.topic and p.incarnation = l.incarnation and p.part = l.part
      where l.namespace = $1 and l.topic = $2 and l.incarnation = $3
      order by l.part`,
    [...key],
  )
  return rows.map(({ owner, ...counts }) => ({ owner, ...numbers<Omit<LedgerCounts, 'owner'>>(counts) }))
}

/** The rows of each partition, and how many of its records have some; `outside` are those that the ledger has not got to. */
async function readRows(client: pg.Client, topicId: number, key: readonly unknown[]): Promise<RowCounts[]> {
  const { rows } = await client.query<Texts<RowCounts>>(
    `select r.partition, sum(r.n) as rows, count(*) as items, count(distinct r.kafka_offset) as records,
            coalesce(sum(r.n) filter (where l.part is null or r.kafka_offset < l.base_offset or r.kafka_offset >= l.next_offset), 0)
              as outside
       from (select kafka_partition as partition, kafka_offset, item, count(*) as n
               from logs
              where ingest_topic_id = $1
              group by kafka_partition, kafka_offset, item) r
       left join ingest_ledger l
         on l.namespace = $2 and l.topic = $3 and l.incarnation = $4 and l.part = r.partition
      group by r.partition
      order by r.partition`,
    [topicId, ...key],
  )
  return rows.map(numbers)
}

async function readLetters(client: pg.Client, key: readonly unknown[]): Promise<LetterCounts[]> {
  const { rows } = await client.query<Texts<LetterCounts>>(
    `select r.part as partition, sum(r.letters) as letters, sum(r.letters - r.items) as doubled,
            count(*) filter (where r.dead) as "deadRecords",
            coalesce(sum(r.unreplayed) filter (where not r.dead), 0) as "deadItems",
            coalesce(sum(r.letters)
              filter (where l.part is null or r."offset" < l.base_offset or r."offset" >= l.next_offset), 0) as outside
       from (select part, "offset", count(*) as letters, count(distinct item) as items,
                    count(*) filter (where status <> 'replayed') as unreplayed,
                    ingest_record_is_dead($1, $2, $3, part, "offset", -1) as dead
               from ingest_dead_letter
              where namespace = $1 and topic = $2 and incarnation = $3
              group by part, "offset") r
       left join ingest_ledger l
         on l.namespace = $1 and l.topic = $2 and l.incarnation = $3 and l.part = r.part
      group by r.part
      order by r.part`,
    [...key],
  )
  return rows.map(numbers)
}

function numbers<T extends object>(row: Texts<T>): T {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)])) as T
}

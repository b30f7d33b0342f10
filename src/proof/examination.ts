/** Reads the whole topic and the whole of the tables, partition by partition, and compares them. */
import type pg from 'pg'
import type { RecordLookup } from '../kafka/record-lookup.ts'
import type { LogEvent, RawRecord, ScoredLog } from '../log.ts'
import type { NormalizedRange, PartitionRange } from '../pipeline.ts'
import { close, connect, type DatabaseOptions } from '../postgres/connection.ts'
import type { Comparison, StoredLetter, StoredRow } from './comparison.ts'

export interface ExaminationOptions {
  readonly database: DatabaseOptions
  readonly lookup: Pick<RecordLookup, 'all'>
  readonly topic: string
  readonly partitions: number
  readonly normalize: (range: PartitionRange) => NormalizedRange
  /** Judges and learns, in the order of the topic. */
  readonly score: (events: readonly LogEvent[]) => Promise<readonly ScoredLog[]>
  readonly comparison: Comparison
  /** Our clock minus the database's, in ms. */
  readonly clockOffsetMs: number
  /** Told every record of the topic. */
  readonly found: (record: RawRecord) => void
}

interface RowOfLogs {
  readonly kafka_offset: string
  readonly item: number
  readonly service: string
  readonly level: string
  readonly message: string
  readonly latency_ms: number | null
  readonly created_us: string
  readonly user_id: string | null
  readonly metadata: unknown
  readonly anomaly_score: number
  readonly is_anomaly: boolean
  readonly score_source: string
  readonly ingested_ms: number
}

/** Rejects as Kafka and the database do: a proof that could not be examined is none. */
export async function examine(options: ExaminationOptions): Promise<void> {
  const client = await connect(options.database)
  try {
    await client.query('create index if not exists logs_position_idx on logs (kafka_partition, kafka_offset)')
    for (let partition = 0; partition < options.partitions; partition++) {
      await examinePartition(client, partition, options)
    }
  } finally {
    await close(client)
  }
}

/** From the end of one chunk to the end of the next, so that rows at offsets that hold no record are seen as well. */
async function examinePartition(client: pg.Client, partition: number, options: ExaminationOptions): Promise<void> {
  let from = 0
  for await (const records of options.lookup.all(options.topic, partition)) {
    const last = records.at(-1)
    if (last === undefined) continue
    for (const record of records) options.found(record)
    await compareChunk(client, { partition, from, to: last.offset + 1, records }, options)
    from = last.offset + 1
  }
  await compareChunk(client, { partition, from, to: Number.MAX_SAFE_INTEGER, records: [] }, options)
}

interface Chunk {
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly records: readonly RawRecord[]
}

async function compareChunk(client: pg.Client, chunk: Chunk, options: ExaminationOptions): Promise<void> {
  const { partition, from, to, records } = chunk
  const range = { partition, assignment: 0, epoch: 0, from, to, records, holes: 0, gap: null, tail: null }
  const expected = options.normalize({ ...range, purpose: 'store' })
  const timeOf = new Map(records.map(({ offset, timestamp }) => [offset, timestamp]))
  const bounds = [partition, from, to]
  const rows = await client.query<RowOfLogs>(
    `select kafka_offset, item, service, level, message, latency_ms, user_id, metadata, anomaly_score, is_anomaly, score_source,
            (extract(epoch from created_at) * 1000000)::bigint::text as created_us,
            (extract(epoch from ingested_at) * 1000)::float8 as ingested_ms
       from logs
      where kafka_partition = $1 and kafka_offset >= $2 and kafka_offset < $3`,
    bounds,
  )
  const letters = await client.query<{ offset: string; item: number; reason: string; sha: string | null }>(
    `select "offset", item, reason, encode(value_sha256, 'hex') as sha
       from ingest_dead_letter
      where part = $1 and "offset" >= $2 and "offset" < $3`,
    bounds,
  )
  const stored = rows.rows.map((row): StoredRow => {
    const offset = Number(row.kafka_offset)
    const sentMs = timeOf.get(offset) ?? row.ingested_ms
    return {
      offset,
      item: row.item,
      service: row.service,
      level: row.level,
      message: row.message,
      latencyMs: row.latency_ms,
      createdAtUs: row.created_us,
      userId: row.user_id,
      metadata: row.metadata,
      score: row.anomaly_score,
      isAnomaly: row.is_anomaly,
      scoreSource: row.score_source,
      ageMs: Math.round(row.ingested_ms + options.clockOffsetMs - sentMs),
    }
  })
  const dead = letters.rows.map(
    ({ offset, item, reason, sha }): StoredLetter => ({ offset: Number(offset), item, reason, valueSha256: sha }),
  )
  const logs = await options.score(expected.events)
  options.comparison.add(partition, { ...expected, logs }, stored, dead)
}

/** What stands for a database where none is: options that nobody connects with, and the columns that a migrated table has. */

/** Never connected to: sessions are handed in. */
export const NO_DATABASE = {
  host: '',
  port: 0,
  database: '',
  user: '',
  password: undefined,
  ssl: false,
  applicationName: '',
} as const

/** The columns of `logs` with their types, in pg_attribute's words. */
export const LOGS_ATTRIBUTES = (
  [
    ['log_id', 'int8'],
    ['service', 'text'],
    ['level', 'text'],
    ['message', 'text'],
    ['latency_ms', 'int4'],
    ['anomaly_score', 'float8'],
    ['is_anomaly', 'bool'],
    ['created_at', 'timestamptz'],
    ['user_id', 'text'],
    ['metadata', 'jsonb'],
    ['ingest_topic_id', 'int4'],
    ['kafka_partition', 'int4'],
    ['kafka_offset', 'int8'],
    ['item', 'int4'],
    ['score_source', 'text'],
    ['explanation', 'jsonb'],
    ['ingested_at', 'timestamptz'],
  ] as const
).map(([name, type]) => ({ name, type, typmod: -1 }))

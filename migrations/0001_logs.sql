-- The table of logs and its minute aggregates. An existing InsightHub table is taken over as it is: columns are added without
-- a default, which rewrites nothing, and its indexes stay (`migrate --indexes` builds ours beside them).

do $$
begin
  if to_regclass('logs') is null then
    create table logs (
      log_id        bigserial,
      service       text not null,
      level         text not null,
      message       text not null,
      latency_ms    integer,
      anomaly_score double precision default 0,
      is_anomaly    boolean default false,
      created_at    timestamptz not null default now(),
      primary key (created_at, log_id)
    );
    alter sequence logs_log_id_seq cache 1000;
    create index logs_anomalies_idx on logs (created_at desc) where is_anomaly;
    create index logs_errors_idx on logs (service, level, created_at desc) where level in ('ERROR', 'FATAL');
  end if;
end $$;

alter table logs
  add column if not exists user_id text,
  add column if not exists metadata jsonb,
  add column if not exists ingest_topic_id integer,
  add column if not exists kafka_partition integer,
  add column if not exists kafka_offset bigint,
  add column if not exists item integer,
  add column if not exists score_source text,
  add column if not exists explanation jsonb,
  add column if not exists ingested_at timestamptz;

-- Set apart from the column, so that rows from before keep null: nobody knows when they came.
alter table logs alter column ingested_at set default now();

-- Nested, because a condition is planned as a whole: without the extension its view must not be named in the outer one.
do $$
begin
  if exists (select from pg_extension where extname = 'timescaledb') then
    if not exists (select from logs)
       and not exists (select from timescaledb_information.hypertables
                        where hypertable_schema = current_schema() and hypertable_name = 'logs')
    then
      perform create_hypertable('logs', 'created_at', chunk_time_interval => interval '1 day', create_default_indexes => false);
    end if;
  end if;
end $$;

create table if not exists log_aggregates (
  id            bigserial,
  service       text,
  minute_bucket timestamptz,
  total_logs    integer,
  error_count   integer,
  avg_latency   double precision,
  anomaly_count integer,
  primary key (id, minute_bucket)
);

-- One row a service, minute and partition, so that two workers never wait for each other; readers sum over them.
alter table log_aggregates
  add column if not exists part integer,
  add column if not exists latency_sum bigint,
  add column if not exists latency_count bigint;

create unique index if not exists log_aggregates_service_minute_part_key
  on log_aggregates (service, minute_bucket, part);

-- What exactly-once needs: where each partition stands, what could not be stored, and the one function that moves a position.

-- The identity of an effect ("this topic's logs are in that table"), not of a consumer group.
create table ingest_topic (
  id                integer generated always as identity unique,
  namespace         text not null,
  topic             text not null,
  incarnation       integer not null,
  topic_key         text not null,      -- cluster id ':' topic id; '' where the broker cannot tell
  pinned_partitions integer not null,
  start_policy      text not null,
  pinned_at         timestamptz not null default clock_timestamp(),
  primary key (namespace, topic, incarnation)
);

create table ingest_ledger (
  namespace    text not null,
  topic        text not null,
  incarnation  integer not null,
  part         integer not null,
  base_offset  bigint not null,              -- where this pipeline began; never changes
  next_offset  bigint not null,              -- the first offset not yet reflected in the database
  epoch        bigint not null default 0,
  owner        text,
  owner_group  text,
  claimed_at   timestamptz,
  seen_at      timestamptz,
  records      bigint not null default 0,    -- records that became at least one row
  dead         bigint not null default 0,    -- records of which only dead letters are left
  dead_items   bigint not null default 0,    -- refused elements of records that did become rows
  skipped      bigint not null default 0,    -- left out by policy
  holes        bigint not null default 0,    -- offsets that never held a record for us; verified
  gaps         bigint not null default 0,    -- offsets lost before anyone could read them (ingest_gap)
  rows_written bigint not null default 0,
  leader_epoch integer,
  tail_offset  bigint,                       -- the last record applied, to recognise another log under the same name
  tail_ts      bigint,
  tail_crc     bigint,
  updated_at   timestamptz not null default clock_timestamp(),
  primary key (namespace, topic, incarnation, part),
  constraint every_offset_accounted_for
    check (records + dead + skipped + holes + gaps = next_offset - base_offset)
) with (fillfactor = 50);

create table ingest_gap (
  namespace   text not null,
  topic       text not null,
  incarnation integer not null,
  part        integer not null,
  from_offset bigint not null,
  to_offset   bigint not null,
  reason      text not null check (reason in ('retention', 'truncated', 'operator')),
  detected_at timestamptz not null default clock_timestamp(),
  detail      jsonb,
  primary key (namespace, topic, incarnation, part, from_offset)
);

create table ingest_dead_letter (
  namespace    text not null,
  topic        text not null,
  incarnation  integer not null,
  part         integer not null,
  "offset"     bigint not null,
  item         integer not null default -1,  -- -1: the whole record
  record_ts    timestamptz,
  reason       text not null,
  detail       text not null,
  service      text,
  sqlstate     text,
  fingerprint  text not null,
  created_at   timestamptz not null default clock_timestamp(),
  status       text not null default 'new',
  attempts     integer not null default 0,
  key          bytea,
  value        bytea,                        -- cut at DEAD_LETTER_BYTES_MAX; size and hash are of the whole
  value_size   bigint,
  value_sha256 bytea,
  headers      jsonb
);
-- Not unique on purpose. Each letter is there once because the ledger's check makes it so, as with the rows of logs; a unique
-- index would refuse a repeated flush before the check could say that it is one, and a stopped worker in the middle of its
-- COPY would keep the next owner waiting for its key.
create index ingest_dead_letter_position_idx on ingest_dead_letter (namespace, topic, incarnation, part, "offset", item);
create index ingest_dead_letter_newest_idx on ingest_dead_letter (created_at desc);

create table detector_snapshot (
  namespace   text not null,
  topic       text not null,
  incarnation integer not null,
  part        integer not null,
  at_offset   bigint not null,
  format      integer not null,
  state       bytea not null,
  primary key (namespace, topic, incarnation, part)
);

-- Moves the positions of some partitions, or refuses all of it: IH001 fenced (DETAIL: partition), IH002 stale (DETAIL:
-- partition ':' next_offset in the database), IH003 no such row. Called last in a flush, so that a stopped worker in the
-- middle of one holds no lock that the next owner needs.
create function ingest_advance(
  ns text, t text, inc integer,
  parts integer[], epochs bigint[], froms bigint[], tos bigint[],
  d_records bigint[], d_dead bigint[], d_dead_items bigint[], d_skipped bigint[], d_holes bigint[], d_gaps bigint[], d_rows bigint[],
  tail_epochs integer[], tail_offsets bigint[], tail_timestamps bigint[], tail_crcs bigint[]
) returns void
language plpgsql
as $$
declare
  r record;
  n integer := 0;
begin
  for r in
    select l.part, l.epoch as e, l.next_offset as nx, a.ep, a.fr
      from ingest_ledger l
      join unnest(parts, epochs, froms) as a(p, ep, fr) on l.part = a.p
     where l.namespace = ns and l.topic = t and l.incarnation = inc
     order by l.part                                 -- one lock order for everybody: no deadlocks
       for update of l
  loop
    n := n + 1;
    if r.e <> r.ep then
      raise exception 'fenced: partition % has epoch %, not %', r.part, r.e, r.ep
        using errcode = 'IH001', detail = r.part::text;
    end if;
    if r.nx <> r.fr then
      raise exception 'stale: partition % stands at %, not %', r.part, r.nx, r.fr
        using errcode = 'IH002', detail = r.part || ':' || r.nx;
    end if;
  end loop;
  if n <> cardinality(parts) then
    raise exception 'ledger row missing' using errcode = 'IH003';
  end if;
  update ingest_ledger l
     set next_offset = a.t2, records = records + a.r1, dead = dead + a.d1, dead_items = dead_items + a.i1,
         skipped = skipped + a.s1, holes = holes + a.h1, gaps = gaps + a.g1, rows_written = rows_written + a.w1,
         leader_epoch = coalesce(a.te, leader_epoch), tail_offset = coalesce(a.o1, tail_offset),
         tail_ts = coalesce(a.ts, tail_ts), tail_crc = coalesce(a.c1, tail_crc),
         updated_at = clock_timestamp(), seen_at = clock_timestamp()
    from unnest(parts, tos, d_records, d_dead, d_dead_items, d_skipped, d_holes, d_gaps, d_rows,
                tail_epochs, tail_offsets, tail_timestamps, tail_crcs)
         as a(p, t2, r1, d1, i1, s1, h1, g1, w1, te, o1, ts, c1)
   where l.namespace = ns and l.topic = t and l.incarnation = inc and l.part = a.p;
end $$;

-- Dead letters to work with: what became of each, replay in one transaction with the ledger, retention that stays countable.

alter table ingest_dead_letter
  add column alone        boolean,          -- nothing of its record became a row when it was stored; null: from before this column
  add column attempted_at timestamptz,
  add column outcome      text,             -- what the last attempt found, or why it was discarded
  add constraint ingest_dead_letter_status_check check (status in ('new', 'replayed', 'discarded')) not valid;

-- What retention took: without it the ledger could not be compared with the letters that are left.
create table ingest_dead_letter_purged (
  namespace   text not null,
  topic       text not null,
  incarnation integer not null,
  part        integer not null,
  letters     bigint not null,
  records     bigint not null,              -- of the ledger's `dead`
  items       bigint not null,              -- of the ledger's `dead_items`
  purged_at   timestamptz not null default clock_timestamp(),
  primary key (namespace, topic, incarnation, part)
);

-- Whether the ledger counts this record as dead (else as one with rows). A row of `but_item` was inserted by the caller itself.
create function ingest_record_is_dead(ns text, t text, inc integer, p integer, o bigint, but_item integer) returns boolean
language sql
as $$
  select not bool_or(d.status = 'replayed')
     and case
           when bool_or(d.alone is null and d.item >= 0) then not exists (
             select
               from logs l
               join ingest_topic i on i.id = l.ingest_topic_id
              where i.namespace = ns and i.topic = t and i.incarnation = inc
                and l.kafka_partition = p and l.kafka_offset = o and l.item <> but_item)
           else bool_and(coalesce(d.alone, true))
         end
    from ingest_dead_letter d
   where d.namespace = ns and d.topic = t and d.incarnation = inc and d.part = p and d."offset" = o
$$;

-- Last statement of a replay's transaction, as ingest_advance is of a flush's: the letter becomes records under the lock of the
-- ledger's row, and next_offset stays. IH003 no such ledger row, IH004 the letter is not there any more, or not new.
create function ingest_replay(
  ns text, t text, inc integer, p integer, o bigint, i integer, n_rows bigint, n_letters bigint, told text
) returns void
language plpgsql
as $$
declare
  was_dead boolean;
  others bigint;
  n integer;
begin
  -- Shared: replays of different partitions go side by side, a purge does not.
  perform pg_advisory_xact_lock_shared(hashtextextended('insighthub dead letters ' || ns, 0));
  perform from ingest_ledger
    where namespace = ns and topic = t and incarnation = inc and part = p
      for update;
  if not found then
    raise exception 'ledger row missing' using errcode = 'IH003';
  end if;
  -- A whole record's letter that is new says so by itself; the letters of its elements beside it are the replay's own.
  was_dead := i = -1 or ingest_record_is_dead(ns, t, inc, p, o, i);
  update ingest_dead_letter
     set status = 'replayed', attempts = attempts + 1, attempted_at = clock_timestamp(), outcome = told
   where namespace = ns and topic = t and incarnation = inc and part = p and "offset" = o and item = i
     and status = 'new';
  get diagnostics n = row_count;
  if n <> 1 then
    raise exception 'the letter is not new' using errcode = 'IH004';
  end if;
  -- The record's letters that are left beside the rows it now has; those that the replay itself added are among them.
  select count(*) into others
    from ingest_dead_letter
   where namespace = ns and topic = t and incarnation = inc and part = p and "offset" = o
     and status <> 'replayed';
  update ingest_ledger
     set dead = dead - case when was_dead then 1 else 0 end,
         records = records + case when was_dead then 1 else 0 end,
         dead_items = dead_items + case when was_dead then others else n_letters - 1 end,
         rows_written = rows_written + n_rows
   where namespace = ns and topic = t and incarnation = inc and part = p;
end $$;

-- Deletes the letters of at most `most` of the records whose letters were stored at `until` or before, whole records only.
create function ingest_purge(ns text, until timestamptz, most integer, out letters bigint, out records bigint)
language plpgsql
as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(hashtextextended('insighthub dead letters ' || ns, 0));
  with doomed as (
    select distinct topic, incarnation, part, "offset"
      from (select topic, incarnation, part, "offset"
              from ingest_dead_letter
             where namespace = ns and created_at <= until
             order by created_at
             limit most) oldest
  ), judged as materialized (
    select d.*, ingest_record_is_dead(ns, d.topic, d.incarnation, d.part, d."offset", -1) as dead
      from doomed d
  ), gone as (
    delete from ingest_dead_letter l
     using judged j
     where l.namespace = ns and l.topic = j.topic and l.incarnation = j.incarnation and l.part = j.part and l."offset" = j."offset"
    returning l.topic, l.incarnation, l.part, l."offset", l.status, j.dead
  ), counted as (
    select topic, incarnation, part, count(*) as n,
           count(distinct "offset") filter (where dead) as dead_records,
           count(*) filter (where not dead and status <> 'replayed') as dead_items
      from gone
     group by topic, incarnation, part
  ), noted as (
    insert into ingest_dead_letter_purged as a (namespace, topic, incarnation, part, letters, records, items)
    select ns, topic, incarnation, part, n, dead_records, dead_items
      from counted
    on conflict (namespace, topic, incarnation, part) do update
       set letters = a.letters + excluded.letters, records = a.records + excluded.records, items = a.items + excluded.items,
           purged_at = clock_timestamp()
  )
  select count(*), count(distinct (topic, incarnation, part, "offset")) into letters, records
    from gone;
end $$;

-- Snapshots of many megabytes come by COPY, as bytes: as literals they would be made into text of twice the length first. COPY knows
-- no ON CONFLICT, so a trigger makes an upsert of it. What it inserts itself comes one level deeper, and goes in as it is.
create function detector_snapshot_upsert() returns trigger
language plpgsql
as $$
begin
  insert into detector_snapshot (namespace, topic, incarnation, part, at_offset, format, state)
  values (new.namespace, new.topic, new.incarnation, new.part, new.at_offset, new.format, new.state)
  on conflict (namespace, topic, incarnation, part) do update
     set at_offset = excluded.at_offset, format = excluded.format, state = excluded.state;
  return null;
end
$$;

create trigger detector_snapshot_upsert
  before insert on detector_snapshot
  for each row when (pg_trigger_depth() = 0)
  execute function detector_snapshot_upsert();

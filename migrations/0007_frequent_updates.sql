-- Workers send states packed, so PostgreSQL need not try to.
alter table detector_snapshot alter column state set storage external;

-- A row is updated by every batch of its minute: with room beside it the new version stays on its page, and no index is told of it.
alter table log_aggregates set (fillfactor = 50);

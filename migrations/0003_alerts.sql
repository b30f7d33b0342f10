-- What no log can carry (a service that fell silent, traffic that dropped), and what people do not want to be told.

-- Written in the transaction of the flush whose records decided it; the key makes a repeated one harmless. Times are event time.
create table service_alerts (
  namespace   text not null,
  topic       text not null,
  incarnation integer not null,
  part        integer not null,
  service     text not null,
  kind        text not null,
  since       timestamptz not null,          -- the first moment that was too quiet
  until       timestamptz,                   -- null while it lasts
  raised_at   timestamptz not null,          -- when it was decided
  observed    double precision,              -- logs a minute
  expected    double precision,
  explanation jsonb not null,
  stored_at   timestamptz not null default clock_timestamp(),
  primary key (namespace, topic, incarnation, part, service, kind, since)
);
create index service_alerts_open_idx on service_alerts (since desc) where until is null;
create index service_alerts_service_idx on service_alerts (service, since desc);

-- A log whose created_at lies in [since, until) and that a mute names is stored with its score, but not as an anomaly. Never
-- deleted, only ended: what a log becomes depends on its own time, not on when a worker came round to it.
create table anomaly_mute (
  id          bigint generated always as identity primary key,
  namespace   text not null,
  service     text,                          -- null: every service
  template_id text,                          -- null: every message
  since       timestamptz not null,
  until       timestamptz not null,
  why         text not null,
  created_at  timestamptz not null default clock_timestamp(),
  check (service is not null or template_id is not null)
);
create index anomaly_mute_until_idx on anomaly_mute (namespace, until);

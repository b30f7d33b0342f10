/**
 * Service alerts as one statement of a flush. An alert comes twice, opened and closed; its key is partition, service, kind and
 * `since`, so a repeated flush changes nothing. Of one service and kind at most one is open: what a lost detector state left
 * open ends where the next one begins, or with it.
 */
import type { ReadyRange } from '../pipeline.ts'
import type { ServiceAlert } from '../service-alert.ts'
import { finiteNumber, hexText, instant, whole } from './sql-literals.ts'

/** '' where there is nothing to write. `key` is the SQL of namespace, topic and incarnation. */
export function serviceAlertsSql(ranges: readonly ReadyRange[], key: string): string {
  const told = new Map<string, ServiceAlert>()
  // Later news of the same alert replaces earlier: one command must not touch a row twice.
  for (const { alerts } of ranges) {
    for (const alert of alerts) told.set(keyOf(alert), merged(told.get(keyOf(alert)), alert))
  }
  if (told.size === 0) return ''
  const alerts = [...told.values()]
  const values = alerts.map((alert) => `(${key}, ${valuesOf(alert)})`)
  const spans = alerts.map(
    ({ partition, service, kind, sinceMs, untilMs }) =>
      `(${whole(partition)}, ${hexText(service)}, ${hexText(kind)}, ${instant(sinceMs)}, ${instant(untilMs ?? sinceMs)})`,
  )
  return `
insert into service_alerts as a (namespace, topic, incarnation, part, service, kind, since, until, raised_at, observed, expected, explanation)
values ${values.join(',\n')}
on conflict (namespace, topic, incarnation, part, service, kind, since) do update
   set until = coalesce(excluded.until, a.until);
with told (part, service, kind, since, ends) as (values ${spans.join(', ')})
update service_alerts a
   set until = (select min(t.ends)
                  from told t
                 where (t.part, t.service, t.kind) = (a.part, a.service, a.kind)
                   and t.since <> a.since
                   and t.ends > a.since)
 where (a.namespace, a.topic, a.incarnation) = (${key})
   and a.until is null
   and exists (select
                 from told t
                where (t.part, t.service, t.kind) = (a.part, a.service, a.kind)
                  and t.since <> a.since
                  and t.ends > a.since);`
}

function keyOf({ partition, service, kind, sinceMs }: ServiceAlert): string {
  return JSON.stringify([partition, service, kind, sinceMs])
}

/** What was said when it opened stays; its end is added. */
function merged(opened: ServiceAlert | undefined, alert: ServiceAlert): ServiceAlert {
  return opened === undefined ? alert : { ...opened, untilMs: alert.untilMs ?? opened.untilMs }
}

function valuesOf(alert: ServiceAlert): string {
  return [
    whole(alert.partition),
    hexText(alert.service),
    hexText(alert.kind),
    instant(alert.sinceMs),
    alert.untilMs === null ? 'null::timestamptz' : instant(alert.untilMs),
    instant(alert.raisedAtMs),
    finiteNumber(alert.observed),
    finiteNumber(alert.expected),
    `${hexText(alert.explanation)}::jsonb`,
  ].join(', ')
}

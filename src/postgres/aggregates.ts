/** The minute aggregates of a batch: one upsert, its rows in key order so that two workers can't deadlock over them. */
import type { ReadyRange } from '../pipeline.ts'
import { hexBytes, wholes } from './sql-literals.ts'

const MINUTE_MS = 60_000

interface Group {
  readonly service: string
  readonly minute: number
  readonly partition: number
  total: number
  errors: number
  anomalies: number
  latencySum: number
  latencyCount: number
}

/** As much of a ReadyRange as is added up. */
export interface LogsOfPartition {
  readonly range: Pick<ReadyRange['range'], 'partition'>
  readonly logs: ReadyRange['logs']
}

/** Latencies are summed as the column stores them, whole milliseconds. */
export function groupsOf(ranges: readonly LogsOfPartition[], round: (value: number) => number): Group[] {
  const groups: Group[] = []
  for (const { range, logs } of ranges) {
    const byMinute = new Map<number, Map<string, Group>>()
    // Neighbours are mostly of the same minute.
    let last = Number.NaN
    let byService = new Map<string, Group>()
    for (let index = 0; index < logs.length; index++) {
      const { event, isAnomaly } = logs[index]!
      const minute = Math.floor(event.createdAt / MINUTE_MS)
      if (minute !== last) {
        byService = byMinute.get(minute) ?? new Map()
        byMinute.set(minute, byService)
        last = minute
      }
      const { service, level, latencyMs } = event
      let group = byService.get(service)
      if (group === undefined) {
        group = emptyGroup(service, minute, range.partition)
        byService.set(service, group)
        groups.push(group)
      }
      group.total++
      if (level === 'ERROR' || level === 'FATAL') group.errors++
      if (isAnomaly) group.anomalies++
      if (latencyMs === null) continue
      group.latencySum += round(latencyMs)
      group.latencyCount++
    }
  }
  return groups.sort(byKey)
}

function emptyGroup(service: string, minute: number, partition: number): Group {
  return { service, minute, partition, total: 0, errors: 0, anomalies: 0, latencySum: 0, latencyCount: 0 }
}

function byKey(a: Group, b: Group): number {
  if (a.service !== b.service) return a.service < b.service ? -1 : 1
  return a.minute - b.minute || a.partition - b.partition
}

/**
 * A statement, or '' where there is nothing to add. A column is one array, which PostgreSQL reads several times as fast as rows of VALUES:
 * where services are many, nearly every log has a row here. Service names travel as hex: never as SQL text.
 */
export function aggregatesSql(groups: readonly Group[]): string {
  if (groups.length === 0) return ''
  const integers = (of: (group: Group) => number): string => wholes(groups, of, 'integer')
  const columns = [
    hexBytes(groups, ({ service }) => service),
    integers(({ minute }) => minute),
    integers(({ partition }) => partition),
    integers(({ total }) => total),
    integers(({ errors }) => errors),
    integers(({ anomalies }) => anomalies),
    wholes(groups, ({ latencySum }) => latencySum, 'bigint'),
    wholes(groups, ({ latencyCount }) => latencyCount, 'bigint'),
  ]
  return `
insert into log_aggregates as a (service, minute_bucket, part, total_logs, error_count, anomaly_count, latency_sum, latency_count, avg_latency)
select convert_from(service, 'UTF8'), to_timestamp(minute * 60::float8), part, total, errors, anomalies, latency_sum, latency_count,
       latency_sum::float8 / nullif(latency_count, 0)
  from unnest(${columns.join(', ')})
       as v (service, minute, part, total, errors, anomalies, latency_sum, latency_count)
on conflict (service, minute_bucket, part) do update
   set total_logs = a.total_logs + excluded.total_logs,
       error_count = a.error_count + excluded.error_count,
       anomaly_count = a.anomaly_count + excluded.anomaly_count,
       latency_sum = a.latency_sum + excluded.latency_sum,
       latency_count = a.latency_count + excluded.latency_count,
       avg_latency = (a.latency_sum + excluded.latency_sum)::float8 / nullif(a.latency_count + excluded.latency_count, 0);`
}

/** The scorer on logs of one's own with labels of one's own, wherever they come from. */
import type { LogEvent } from '../log.ts'
import { incidentQuality } from './incident-quality.ts'
import { incidentResult } from './incident-set.ts'
import { Judge, type ScorerSettings } from './judge.ts'
import { JudgedLogs } from './judged-logs.ts'
import type { OwnLabels } from './own-labels.ts'
import type { IncidentResult } from './set-result.ts'

export interface OwnLogs {
  readonly feed: {
    readonly batches: AsyncIterable<readonly { readonly event: LogEvent }[]>
    /** Others only teach. */
    readonly counts: (event: LogEvent) => boolean
  }
  readonly labels: OwnLabels
  readonly settings: ScorerSettings
  /** Each partition's part of the logs, where a budget is to be divided. */
  readonly shares: ReadonlyMap<number, number> | undefined
}

export async function measureOwnLogs(
  name: string,
  { feed, labels, settings, shares }: OwnLogs,
): Promise<IncidentResult> {
  const judge = new Judge(settings, shares)
  const logs = new JudgedLogs()
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for await (const batch of feed.batches) {
    for (const { event, score, isAnomaly } of await judge.score(batch.map((each) => each.event))) {
      if (!feed.counts(event)) continue
      const seconds = event.createdAt / 1000
      from = Math.min(from, seconds)
      to = Math.max(to, seconds)
      const { service } = event
      logs.add({ seconds, service, score, flagged: isAnomaly, label: labels.labelOf(event), incident: 0 })
    }
  }
  logs.alerts.push(...judge.alerts)
  const incidents = labels.incidentsIn(logs).filter((incident) => incident.to >= from && incident.from <= to)
  const quality = incidentQuality(logs, incidents, { evaluatedFrom: from, to })
  return incidentResult(name, quality, { unreadable: 0, microsecondsPerLog: judge.microsecondsPerLog })
}

/** The whole scorer on a replay: logs.jsonl and labels.csv line by line, incidents.json, and meta.json with the time to learn. */
import { join } from 'node:path'
import { z } from 'zod'
import { type Incident, type IncidentQuality, incidentQuality } from './incident-quality.ts'
import { readJsonFile } from './json-file.ts'
import type { ScorerSettings } from './judge.ts'
import { type Judging, judgeLines } from './judged-lines.ts'
import { JudgedLogs } from './judged-logs.ts'
import { labelledLines } from './labelled-file.ts'
import type { IncidentResult } from './set-result.ts'

const meta = z.object({ eval_start: z.number(), t_end: z.number() })
const incidents = z.array(
  z.object({
    id: z.number(),
    type: z.string(),
    service: z.string(),
    start: z.number(),
    end: z.number(),
    start_significant: z.number().optional(),
  }),
)

export const INCIDENT_FILES = ['logs.jsonl', 'labels.csv', 'incidents.json', 'meta.json'] as const

interface ReplayLine {
  readonly line: Buffer
  readonly timeMs: number
  readonly seconds: number
  readonly service: string
  readonly label: number
  readonly incident: number
}

async function* replayLines(folder: string): AsyncGenerator<ReplayLine> {
  const columns = ['t', 'service', 'label', 'incident_id']
  for await (const { line, label } of labelledLines(join(folder, 'logs.jsonl'), join(folder, 'labels.csv'), columns)) {
    const seconds = Number(label[0])
    const timeMs = Math.round(seconds * 1000)
    yield { line, timeMs, seconds, service: label[1]!, label: Number(label[2]), incident: Number(label[3]) }
  }
}

export async function measureIncidents(
  name: string,
  folder: string,
  settings: ScorerSettings,
): Promise<IncidentResult> {
  const period = readJsonFile(join(folder, 'meta.json'), meta)
  const known: Incident[] = readJsonFile(join(folder, 'incidents.json'), incidents).map((each) => ({
    ...each,
    from: inMilliseconds(each.start),
    to: inMilliseconds(each.end),
    significantFrom: inMilliseconds(each.start_significant ?? each.start),
  }))
  const logs = new JudgedLogs()
  const judging = await judgeLines(replayLines(folder), settings, (line, { score, isAnomaly }) =>
    logs.add({ ...line, score, flagged: isAnomaly }),
  )
  logs.alerts.push(...judging.alerts)
  return incidentResult(
    name,
    incidentQuality(logs, known, { evaluatedFrom: period.eval_start, to: period.t_end }),
    judging,
  )
}

/** As exact as the labels' times: else an incident that is one log could begin after that log. */
function inMilliseconds(seconds: number): number {
  return Number(seconds.toFixed(3))
}

export function incidentResult(
  name: string,
  quality: IncidentQuality,
  { unreadable, microsecondsPerLog }: Pick<Judging, 'unreadable' | 'microsecondsPerLog'>,
): IncidentResult {
  const types = Object.entries(quality.types).map(([type, each]) => [
    type,
    {
      incidents: each.incidents,
      detected: each.detected,
      chance: each.chance,
      median_delay_s: each.medianDelay,
      recall: each.recall,
      ap: each.averagePrecision,
    },
  ])
  return {
    name,
    task: 'incidents',
    logs: quality.positives + quality.negatives,
    unreadable,
    positives: quality.positives,
    f1: quality.f1,
    best_f1: quality.bestF1,
    precision: quality.precision,
    recall: quality.recall,
    ap: quality.averagePrecision,
    auc: quality.auc,
    macro_ap: quality.macroAveragePrecision,
    fpr: quality.falsePositiveRate,
    recall_at_fpr_1e3: quality.recallAt1e3,
    recall_at_fpr_1e4: quality.recallAt1e4,
    false_episodes_per_service_day: quality.falseEpisodesPerServiceDay,
    incidents: quality.incidents,
    incidents_detected: quality.detected,
    incident_recall: quality.detected / Math.max(1, quality.incidents),
    types: Object.fromEntries(types),
    us_per_log: microsecondsPerLog,
  }
}

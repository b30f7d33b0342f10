/**
 * Quality on logs with labelled incidents: per log, per incident and per episode. Counts logs from `evaluatedFrom` on; before that the
 * detector learns. The figures are those of the evaluator that comes with the replay generator, to the last digit, but for its false
 * episodes: it calls half of the single logs that were found false, since their incidents begin a fraction of a millisecond late.
 */
import { type Episode, episodesOf, falseEpisodes, GRACE_SECONDS } from './episodes.ts'
import type { JudgedLogs } from './judged-logs.ts'
import {
  countOf,
  IGNORED,
  NEGATIVE,
  POSITIVE,
  type Ranking,
  ranking,
  rankOrder,
  recallAbove,
  thresholdAt,
} from './ranking.ts'
import { mean, median } from './statistics.ts'

/** Times in seconds since 1970. */
export interface Incident {
  readonly id: number
  readonly type: string
  readonly service: string
  readonly from: number
  readonly to: number
  /** From when on it can be told from noise; delays count from here. */
  readonly significantFrom: number
}

export interface Period {
  readonly evaluatedFrom: number
  readonly to: number
}

export interface TypeQuality {
  readonly incidents: number
  readonly detected: number
  /** Incidents that flags at random, at the same rate of false positives, would hit: a share of them. */
  readonly chance: number
  /** Seconds from where the incident is significant; NaN where none was detected. */
  readonly medianDelay: number
  /** Of its logs; NaN where the incident is the lack of logs. */
  readonly recall: number
  readonly averagePrecision: number
}

export interface IncidentQuality extends Ranking {
  readonly precision: number
  readonly recall: number
  readonly f1: number
  readonly falsePositives: number
  /** Flagged share of normal logs. */
  readonly falsePositiveRate: number
  readonly recallAt1e3: number
  readonly recallAt1e4: number
  /** Mean of the types' average precisions, those without labelled logs left out. */
  readonly macroAveragePrecision: number
  readonly falseEpisodesPerServiceDay: number
  readonly incidents: number
  readonly detected: number
  readonly types: Readonly<Record<string, TypeQuality>>
}

/** Kinds of incident that show in what is missing; noticed a little late they still count. */
const LACK_OF_LOGS: readonly string[] = ['traffic_drop', 'silence']
const DAY_SECONDS = 86_400

export function incidentQuality(logs: JudgedLogs, incidents: readonly Incident[], period: Period): IncidentQuality {
  const labels = logs.labelsFrom(period.evaluatedFrom)
  const order = rankOrder(logs.scores)
  const ranked = { order, scores: logs.scores, labels }
  const counts = flagCounts(logs, labels)
  const falsePositiveRate = counts.falsePositives / Math.max(1, countOf(labels, NEGATIVE))
  const types = typeQualities(logs, incidents, { order, labels, falsePositiveRate })
  const kinds = Object.values(types)
  const recallAt = (rate: number): number => recallAbove(thresholdAt(rate, ranked), logs.scores, labels)
  return {
    ...ranking(order, logs.scores, labels),
    ...counts,
    falsePositiveRate,
    recallAt1e3: recallAt(1e-3),
    recallAt1e4: recallAt(1e-4),
    macroAveragePrecision: mean(
      kinds.map((kind) => kind.averagePrecision).filter((precision) => !Number.isNaN(precision)),
    ),
    falseEpisodesPerServiceDay: falseEpisodeRate(logs, incidents, period),
    incidents: incidents.length,
    detected: kinds.reduce((sum, kind) => sum + kind.detected, 0),
    types,
  }
}

function flagCounts(
  { flags }: JudgedLogs,
  labels: Int8Array,
): { precision: number; recall: number; f1: number; falsePositives: number } {
  let truePositives = 0
  let falsePositives = 0
  for (let i = 0; i < labels.length; i++) {
    if (flags[i] !== true) continue
    if (labels[i] === POSITIVE) truePositives++
    else if (labels[i] === NEGATIVE) falsePositives++
  }
  const precision = truePositives / Math.max(1, truePositives + falsePositives)
  const recall = truePositives / Math.max(1, countOf(labels, POSITIVE))
  const f1 = (2 * precision * recall) / Math.max(1e-9, precision + recall)
  return { precision, recall, f1, falsePositives }
}

function falseEpisodeRate(logs: JudgedLogs, incidents: readonly Incident[], period: Period): number {
  const moments = new Map<string, number[]>(logs.services.map((name) => [name, []]))
  for (let i = 0; i < logs.length; i++) {
    if (logs.flags[i] !== true || logs.seconds[i]! < period.evaluatedFrom) continue
    moments.get(logs.services[logs.service[i]!]!)?.push(logs.seconds[i]!)
  }
  for (const { service, seconds } of logs.alerts) {
    if (seconds >= period.evaluatedFrom) moments.get(service)?.push(seconds)
  }
  let count = 0
  for (const [service, seconds] of moments) {
    const own: Episode[] = incidents.filter((incident) => incident.service === service)
    count += falseEpisodes(episodesOf(seconds), own).length
  }
  const days = (period.to - period.evaluatedFrom) / DAY_SECONDS
  return count / days / logs.services.length
}

/** What became of one incident's logs. */
interface IncidentTally {
  /** Labelled positive, counted or not. */
  positives: number
  flagged: number
  /** Its logs within its time, whatever their label: what there is of an incident that shows in missing logs. */
  around: number
  firstFlagged: number
  firstFlaggedAround: number
}

function typeQualities(
  logs: JudgedLogs,
  incidents: readonly Incident[],
  known: { order: Uint32Array; labels: Int8Array; falsePositiveRate: number },
): Record<string, TypeQuality> {
  const tallies = tally(logs, incidents)
  const types: Record<string, TypeQuality> = {}
  for (const type of new Set(incidents.map((incident) => incident.type))) {
    const own = incidents.filter((incident) => incident.type === type)
    const delays: number[] = []
    let [positives, flagged, chance] = [0, 0, 0]
    for (const incident of own) {
      const found = tallies.get(incident.id) ?? newTally()
      positives += found.positives
      flagged += found.flagged
      const logsOfIt = found.positives > 0 ? found.positives : found.around
      chance += 1 - (1 - known.falsePositiveRate) ** logsOfIt
      const first = Math.min(
        found.positives > 0 ? found.firstFlagged : found.firstFlaggedAround,
        firstAlert(logs, incident),
      )
      if (first < Number.POSITIVE_INFINITY) delays.push(first - incident.significantFrom)
    }
    types[type] = {
      incidents: own.length,
      detected: delays.length,
      chance: chance / own.length,
      medianDelay: median(delays),
      recall: positives === 0 ? Number.NaN : flagged / positives,
      averagePrecision: typePrecision(logs, new Set(own.map(({ id }) => id)), known),
    }
  }
  return types
}

function newTally(): IncidentTally {
  const never = Number.POSITIVE_INFINITY
  return { positives: 0, flagged: 0, around: 0, firstFlagged: never, firstFlaggedAround: never }
}

function tally(logs: JudgedLogs, incidents: readonly Incident[]): Map<number, IncidentTally> {
  const byId = new Map(incidents.map((incident) => [incident.id, incident]))
  const tallies = new Map<number, IncidentTally>()
  for (let i = 0; i < logs.length; i++) {
    const incident = byId.get(logs.incidents[i]!)
    if (incident === undefined) continue
    const found = tallies.get(incident.id) ?? newTally()
    tallies.set(incident.id, found)
    const seconds = logs.seconds[i]!
    const flagged = logs.flags[i] === true
    if (logs.labels[i] === POSITIVE) {
      found.positives++
      if (flagged) found.flagged++
      if (flagged) found.firstFlagged = Math.min(found.firstFlagged, seconds)
    }
    const until = incident.to + (LACK_OF_LOGS.includes(incident.type) ? GRACE_SECONDS : 0)
    if (logs.services[logs.service[i]!] !== incident.service || seconds < incident.from || seconds > until) continue
    found.around++
    if (flagged) found.firstFlaggedAround = Math.min(found.firstFlaggedAround, seconds)
  }
  return tallies
}

function firstAlert({ alerts }: JudgedLogs, { service, from, to }: Incident): number {
  let first = Number.POSITIVE_INFINITY
  for (const alert of alerts) {
    if (alert.service !== service || alert.seconds < from || alert.seconds > to + GRACE_SECONDS) continue
    first = Math.min(first, alert.seconds)
  }
  return first
}

/** Its positives among all negatives. */
function typePrecision(
  logs: JudgedLogs,
  ids: ReadonlySet<number>,
  { order, labels }: { order: Uint32Array; labels: Int8Array },
): number {
  const own = labels.map((label, i) => (label === POSITIVE && !ids.has(logs.incidents[i]!) ? IGNORED : label))
  return ranking(order, logs.scores, own).averagePrecision
}

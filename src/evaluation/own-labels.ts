/**
 * Labels that somebody wrote down for logs of their own, as CSV. By position, one log a line:
 *
 *   partition,offset,item,label        label 1: unusual, 0: usual, -1: leave out; `item` may be missing
 *
 * or by time, one incident a line, all logs of the service within it being unusual and all others usual:
 *
 *   service,from,to,type               times in ISO 8601 or in seconds since 1970; `type` may be missing
 *
 * A log that labels by position don't name is usual where no line says 0, else left out: then only the lines are known.
 */
import { ProcessorError } from '../errors.ts'
import type { LogEvent } from '../log.ts'
import { recordsOf } from './csv.ts'
import { episodesOf } from './episodes.ts'
import type { Incident } from './incident-quality.ts'
import type { JudgedLogs } from './judged-logs.ts'
import { IGNORED, NEGATIVE, POSITIVE } from './ranking.ts'

export interface OwnLabels {
  /** POSITIVE, NEGATIVE or IGNORED. */
  readonly labelOf: (event: LogEvent) => number
  /** The incidents, by which the logs are numbered. */
  readonly incidentsIn: (logs: JudgedLogs) => readonly Incident[]
}

type Cells = ReadonlyMap<string, string>

/** Throws INPUT with the number of the line that can't be read. */
export async function readOwnLabels(file: string): Promise<OwnLabels> {
  const rows: Cells[] = []
  for await (const { columns, fields } of recordsOf(file, [])) {
    rows.push(new Map(columns.map((name, i) => [name.trim(), fields[i]?.trim() ?? ''])))
  }
  const [first] = rows
  if (first === undefined) throw new ProcessorError('INPUT', `${file} holds no labels`)
  const has = (...names: string[]): boolean => names.every((name) => first.has(name))
  if (has('partition', 'offset', 'label')) return byPosition(rows, file)
  if (has('service', 'from', 'to')) return byTime(rows, file)
  throw new ProcessorError('INPUT', `${file}: expected the columns partition,offset,label or service,from,to`)
}

function byPosition(rows: readonly Cells[], file: string): OwnLabels {
  const labels = new Map<string, number>()
  rows.forEach((row, i) => {
    const [partition, offset, item] = ['partition', 'offset', 'item'].map((name) => Number(row.get(name) || 0))
    const label = Number(row.get('label') || Number.NaN)
    if (![partition, offset, item].every(Number.isInteger) || ![POSITIVE, NEGATIVE, IGNORED].includes(label)) {
      throw unreadable(file, i)
    }
    labels.set(`${partition} ${offset} ${item}`, label)
  })
  const unnamed = [...labels.values()].includes(NEGATIVE) ? IGNORED : NEGATIVE
  return {
    labelOf: ({ partition, offset, item }) => labels.get(`${partition} ${offset} ${item}`) ?? unnamed,
    incidentsIn: incidentsOfPositives,
  }
}

function byTime(rows: readonly Cells[], file: string): OwnLabels {
  const incidents = rows.map((row, i): Incident => {
    const [from, to] = [secondsOf(row.get('from')), secondsOf(row.get('to'))]
    if (!(from <= to)) throw unreadable(file, i)
    return {
      id: i + 1,
      type: row.get('type') || 'labelled',
      service: row.get('service') ?? '',
      from,
      to,
      significantFrom: from,
    }
  })
  const byService = Map.groupBy(incidents, ({ service }) => service)
  const at = (service: string, seconds: number): Incident | undefined =>
    byService.get(service)?.find(({ from, to }) => seconds >= from && seconds <= to)
  return {
    labelOf: ({ service, createdAt }) => (at(service, createdAt / 1000) === undefined ? NEGATIVE : POSITIVE),
    incidentsIn: (logs) => {
      for (let i = 0; i < logs.length; i++) {
        logs.incidents[i] = at(logs.services[logs.service[i]!]!, logs.seconds[i]!)?.id ?? 0
      }
      return incidents
    },
  }
}

/** Unusual logs of a service at most two minutes apart are one incident. */
function incidentsOfPositives(logs: JudgedLogs): Incident[] {
  const incidents: Incident[] = []
  const places = Array.from(logs.labels.keys()).filter((i) => logs.labels[i] === POSITIVE)
  for (const [service, own] of Map.groupBy(places, (i) => logs.service[i]!)) {
    const episodes = episodesOf(own.map((i) => logs.seconds[i]!))
    const first = incidents.length + 1
    for (const { from, to } of episodes) {
      const [id, type] = [incidents.length + 1, 'labelled']
      incidents.push({ id, type, service: logs.services[service]!, from, to, significantFrom: from })
    }
    for (const i of own) {
      const seconds = logs.seconds[i]!
      logs.incidents[i] = first + episodes.findIndex(({ from, to }) => seconds >= from && seconds <= to)
    }
  }
  return incidents
}

/** NaN for what is no time. */
function secondsOf(text: string | undefined): number {
  if (text === undefined || text === '') return Number.NaN
  const seconds = Number(text)
  return Number.isNaN(seconds) ? Date.parse(text) / 1000 : seconds
}

function unreadable(file: string, row: number): ProcessorError {
  return new ProcessorError('INPUT', `${file}: label ${row + 1}, after the line of names, can't be read`)
}

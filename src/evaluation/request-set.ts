/**
 * The whole scorer on requests of a system into which faults were injected, one after the other (OnlineBoutique, TrainTicket).
 * Negative: every request of a fault-free phase. Positive: the faulty service's own requests while its fault lasts. All others, which
 * a fault elsewhere may or may not have touched, don't count. Where there are CPU faults only they count: they show in latencies.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ExpandingZ } from './expanding-z.ts'
import { readJsonFile } from './json-file.ts'
import type { ScorerSettings } from './judge.ts'
import { judgeLines } from './judged-lines.ts'
import { labelledLines } from './labelled-file.ts'
import { countOf, IGNORED, NEGATIVE, POSITIVE, type Ranking, rank } from './ranking.ts'
import type { RequestsResult, WindowsResult } from './set-result.ts'
import { WINDOW_SECONDS, windowQuality } from './window-means.ts'

const faults = z.array(z.object({ chunk: z.number(), service: z.string(), type: z.string() }))

interface RequestLine {
  readonly line: Buffer
  readonly timeMs: number
  readonly seconds: number
  /** chunk and service: of which fault this may be a request. */
  readonly place: string
  readonly label: number
}

/** One entry a request, in order. */
interface Requests {
  readonly seconds: number[]
  readonly places: string[]
  readonly labels: number[]
  readonly scores: number[]
  readonly rivals: number[]
  flagged: number
}

/** `logs.jsonl.gz` or, where it is not gzipped, `logs.jsonl`; null where there is neither. */
export function fileOf(folder: string, name: string): string | null {
  return [join(folder, name), join(folder, `${name}.gz`)].find((path) => existsSync(path)) ?? null
}

export async function measureRequests(
  name: string,
  folder: string,
  settings: ScorerSettings,
): Promise<[RequestsResult, WindowsResult]> {
  const known = readJsonFile(join(folder, 'faults.json'), faults)
  const cpu = known.filter(({ type }) => type.startsWith('cpu'))
  const counted = cpu.length > 0 ? cpu : known
  const faulty = new Set(counted.map(({ chunk, service }) => `${chunk} ${service}`))
  const requests: Requests = { seconds: [], places: [], labels: [], scores: [], rivals: [], flagged: 0 }
  const rival = new ExpandingZ()
  const { microsecondsPerLog } = await judgeLines(
    requestLines(folder, faulty),
    settings,
    (line, { event, score, isAnomaly }) => {
      const z = event.latencyMs === null ? 0 : rival.judge(`${event.service} ${event.message}`, event.latencyMs)
      requests.seconds.push(line.seconds)
      requests.places.push(line.place)
      requests.labels.push(line.label)
      requests.scores.push(score)
      requests.rivals.push(z)
      if (isAnomaly && line.label === NEGATIVE) requests.flagged++
    },
  )
  const ours = rank(requests.scores, requests.labels)
  const theirs = rank(requests.rivals, requests.labels)
  return [
    {
      name,
      task: 'requests',
      faults: cpu.length > 0 ? 'CPU faults' : 'all faults',
      logs: ours.positives + ours.negatives,
      positives: ours.positives,
      ...figures(ours),
      fpr: requests.flagged / Math.max(1, countOf(requests.labels, NEGATIVE)),
      reference: figures(theirs),
      us_per_log: microsecondsPerLog,
    },
    windowsResult(name, requests),
  ]
}

async function* requestLines(folder: string, faulty: ReadonlySet<string>): AsyncGenerator<RequestLine> {
  const logs = fileOf(folder, 'logs.jsonl') ?? join(folder, 'logs.jsonl')
  const labels = fileOf(folder, 'labels.csv') ?? join(folder, 'labels.csv')
  for await (const { line, label } of labelledLines(logs, labels, ['t', 'service', 'chunk', 'phase'])) {
    const seconds = Number(label[0])
    const place = `${label[2]} ${label[1]}`
    const fault = label[3] === 'fault' && faulty.has(place) ? POSITIVE : IGNORED
    yield { line, timeMs: Math.round(seconds * 1000), seconds, place, label: label[3] === 'normal' ? NEGATIVE : fault }
  }
}

function windowsResult(name: string, { seconds, places, labels, scores, rivals }: Requests): WindowsResult {
  const ours = windowQuality({ seconds, places, labels, scores })
  const theirs = windowQuality({ seconds, places, labels, scores: rivals })
  return {
    name: `${name}/windows`,
    task: 'windows',
    window_s: WINDOW_SECONDS,
    windows: ours.positives + ours.negatives,
    positives: ours.positives,
    ...figures(ours),
    faults: ours.faults,
    faults_found: ours.found,
    reference: { ...figures(theirs), faults_found: theirs.found },
  }
}

function figures({ averagePrecision, auc }: Ranking): { ap: number; auc: number } {
  return { ap: averagePrecision, auc }
}

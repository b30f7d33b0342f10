/**
 * Scalar series of the Numenta Anomaly Benchmark: each value a log with `latency_ms`, each series with a scorer of its own, one
 * configuration for all of them (ANOMALY_PROFILE=metrics), judged by the benchmark's own score.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { ProcessorError } from '../errors.ts'
import { epochMs, type LogEvent } from '../log.ts'
import { recordsOf } from './csv.ts'
import { readJsonFile } from './json-file.ts'
import { Judge, type ScorerSettings } from './judge.ts'
import { NAB_PROFILES, type NabSeries, nabScore, nabWindows } from './nab-score.ts'
import type { MetricsResult } from './set-result.ts'

const windows = z.record(z.string(), z.array(z.tuple([z.string(), z.string()])))

/** Where a folder keeps the labels, or null: `combined_windows.json` beside `data/` or, as in the benchmark, under `labels/`. */
export function windowsFile(folder: string): string | null {
  if (!existsSync(join(folder, 'data'))) return null
  const places = [join(folder, 'combined_windows.json'), join(folder, 'labels', 'combined_windows.json')]
  return places.find((path) => existsSync(path)) ?? null
}

export async function measureMetrics(name: string, folder: string, settings: ScorerSettings): Promise<MetricsResult> {
  const labels = readJsonFile(windowsFile(folder) ?? join(folder, 'combined_windows.json'), windows)
  const all: NabSeries[] = []
  let [points, microseconds] = [0, 0]
  for (const [series, labelled] of Object.entries(labels).sort()) {
    const file = [series, `${series}.gz`].map((path) => join(folder, 'data', path)).find((path) => existsSync(path))
    if (file === undefined) continue
    const { times, events } = await readSeries(file, series)
    const judge = new Judge({ ...settings, profile: 'metrics' })
    const logs = await judge.score(events)
    const trimmed = labelled.map(([from, to]) => [withoutFraction(from), withoutFraction(to)] as const)
    all.push({ scores: logs.map(({ score }) => score), windows: nabWindows(times, trimmed) })
    points += logs.length
    microseconds += judge.microsecondsPerLog * logs.length
  }
  if (all.every((series) => series.windows.length === 0)) {
    throw new ProcessorError('INPUT', `${folder}: no series with a labelled window`)
  }
  const standard = nabScore(all, NAB_PROFILES.standard)
  return {
    name,
    task: 'metrics',
    standard: standard.score,
    reward_low_FP_rate: nabScore(all, NAB_PROFILES.reward_low_FP_rate).score,
    reward_low_FN_rate: nabScore(all, NAB_PROFILES.reward_low_FN_rate).score,
    series: all.length,
    points,
    windows: standard.windows,
    windows_found: standard.windowsFound,
    us_per_log: microseconds / Math.max(1, points),
  }
}

async function readSeries(file: string, name: string): Promise<{ times: string[]; events: LogEvent[] }> {
  const times: string[] = []
  const events: LogEvent[] = []
  for await (const { columns, fields } of recordsOf(file, ['timestamp', 'value'])) {
    const time = withoutFraction(fields[columns.indexOf('timestamp')] ?? '')
    const value = Number(fields[columns.indexOf('value')])
    const timeMs = Date.parse(`${time.replace(' ', 'T')}Z`)
    if (Number.isNaN(timeMs) || Number.isNaN(value)) {
      throw new ProcessorError('INPUT', `${file}: row ${times.length + 1} is not a time and a number`)
    }
    times.push(time)
    events.push({
      partition: 0,
      offset: times.length,
      item: 0,
      service: name,
      level: 'INFO',
      message: 'value',
      latencyMs: value,
      createdAt: epochMs(timeMs),
      recordTimestamp: epochMs(timeMs),
      userId: null,
      metadata: null,
    })
  }
  return { times, events }
}

/** 2014-07-01 00:00:00.000000 without what is behind the second. */
function withoutFraction(time: string): string {
  return time.slice(0, 19)
}

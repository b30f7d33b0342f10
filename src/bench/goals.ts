/** What was set out to reach, beside what was measured. */
import { costShare } from './costs.ts'
import { medianFigure, medianRatio, spread } from './figures.ts'
import { fixed, markdownTable, percent, round } from './markdown.ts'
import type { Part, Report } from './report.ts'
import { FLAT, lineOf, pointCost } from './sweeps.ts'

export interface Goal {
  readonly name: string
  /** In words. */
  readonly goal: string
  readonly measured: string
  readonly met: boolean
}

interface Measure {
  readonly name: string
  readonly value: number | null
  readonly bound: { readonly atMost: number } | { readonly atLeast: number }
  readonly say: (value: number) => string
}

/** Only those that were measured. */
export function goalsOf(report: Report): Goal[] {
  return measuresOf(report).flatMap(({ name, value, bound, say }) => {
    if (value === null || Number.isNaN(value)) return []
    const [words, met] =
      'atMost' in bound
        ? [`at most ${say(bound.atMost)}`, value <= bound.atMost]
        : [`at least ${say(bound.atLeast)}`, value >= bound.atLeast]
    return [{ name, goal: words, measured: say(value), met }]
  })
}

const plain = (value: number): string => fixed(value)
const milliseconds = (value: number): string => `${round(value)} ms`
const megabytes = (value: number): string => `${round(value)} MB`
const share = (value: number): string => percent(value * 100)

/** Rows a second of one part over those of another, median of the pairs of each round; null where one is missing. */
export function ratioOf({ all }: Pick<Report, 'all'>, over: Part, under: Part): number | null {
  const rates = (part: Part): number[] => all[part].map(({ rowsPerSecond }) => rowsPerSecond)
  return medianRatio(rates(over), rates(under))
}

function measuresOf(report: Report): Measure[] {
  const { all, costs, latency, small, drain } = report
  const service = all.service.length === 0 ? null : medianFigure(all.service)
  const binary = all['psql-binary'].length === 0 ? null : medianFigure(all['psql-binary'])
  const postgres = [service, binary].map((figure) => figure?.postgresCpuSecondsPerMillion ?? Number.NaN)
  const together = costs === null ? null : costShare(costs, 'all three') + Math.max(0, costShare(costs, 'dead letters'))
  const backlog = report.sweeps.find(({ name }) => name === 'backlog')?.points.at(-1)
  return [
    {
      name: 'whole service to psql text',
      value: ratioOf(report, 'service', 'psql-text'),
      bound: { atLeast: 0.9 },
      say: plain,
    },
    { name: 'worker CPU-s/M', value: service?.cpuSecondsPerMillion ?? null, bound: { atMost: 4.5 }, say: plain },
    {
      name: "PostgreSQL's CPU to that of psql binary",
      value: (postgres[0] ?? Number.NaN) / (postgres[1] ?? Number.NaN),
      bound: { atMost: 1.1 },
      say: plain,
    },
    {
      name: 'store, one connection, to psql binary',
      value: ratioOf(report, 'sink-1', 'psql-binary'),
      bound: { atLeast: 0.95 },
      say: plain,
    },
    {
      name: 'store, two connections, to psql binary',
      value: ratioOf(report, 'sink-2', 'psql-binary'),
      bound: { atLeast: 1.4 },
      say: plain,
    },
    { name: 'promises together, of throughput', value: together, bound: { atMost: 0.08 }, say: share },
    { name: 'age p50, steady', value: latency?.p50 ?? null, bound: { atMost: 50 }, say: milliseconds },
    { name: 'age p99, steady', value: latency?.p99 ?? null, bound: { atMost: 100 }, say: milliseconds },
    { name: 'age max, steady', value: latency?.max ?? null, bound: { atMost: 1_000 }, say: milliseconds },
    { name: 'peak RSS at full speed', value: service?.peakRssMb ?? null, bound: { atMost: 256 }, say: megabytes },
    {
      name: 'peak RSS, longest backlog',
      value: backlog?.figure.peakRssMb ?? null,
      bound: { atMost: 300 },
      say: megabytes,
    },
    {
      name: 'a backlog drained, to the steady rate',
      value: drain === null ? null : drain.rowsPerSecond / drain.steadyRowsPerSecond,
      bound: { atLeast: 0.85 },
      say: plain,
    },
    { name: 'peak RSS, drained backlog', value: drain?.peakRssMb ?? null, bound: { atMost: 300 }, say: megabytes },
    { name: 'RSS idle', value: small?.idleRssMb ?? null, bound: { atMost: 120 }, say: megabytes },
    { name: 'CPU idle, of a core', value: small?.idleCpuShare ?? null, bound: { atMost: 0.01 }, say: share },
    { name: 'first row after a start', value: small?.firstRowMs ?? null, bound: { atMost: 1_500 }, say: milliseconds },
    { name: 'a single log, at most', value: small?.singleMs.max ?? null, bound: { atMost: 100 }, say: milliseconds },
    ...report.sweeps
      .filter(({ name }) => FLAT.includes(name))
      .flatMap((sweep): Measure[] => {
        const { name, points } = sweep
        const { widest } = spread(points.map((point) => pointCost(name, point)).filter(Number.isFinite))
        const flat = (what: string, percents: number | undefined): Measure => ({
          name: `flat over ${what}`,
          value: percents === undefined ? null : percents / 100,
          bound: { atMost: 0.2 },
          say: share,
        })
        if (name !== 'size') return [flat(name, widest)]
        return [flat('size, a KiB', widest), flat('size, a log and its KiB', lineOf(sweep)?.widest)]
      }),
  ]
}

export function goalsTable(report: Report): string | null {
  const goals = goalsOf(report)
  if (goals.length === 0) return null
  const rows = goals.map(({ name, goal, measured, met }) => [name, goal, measured, met ? 'met' : '**missed**'])
  return markdownTable(['', 'goal', 'measured', ''], rows)
}

/** What each promise costs the store: everything against everything but one. */
import type { Figure } from './figures.ts'
import { fixed, markdownTable, round, signedPercent } from './markdown.ts'

export const COSTS = ['exactly once', 'aggregates', 'explanation', 'all three', 'dead letters'] as const
export type Cost = (typeof COSTS)[number]

/** Figures of the store alone over one connection. */
export interface Costs {
  readonly all: Figure
  /** Of 'dead letters' the other way about: with one log in a thousand as a letter. */
  readonly without: Readonly<Record<Cost, Figure>>
}

const MEANT: Readonly<Record<Cost, string>> = {
  'exactly once': 'without the step of the ledger',
  aggregates: 'without the aggregates by minute',
  explanation: 'without the explanations',
  'all three': 'without all three',
  'dead letters': 'with one log in a thousand as a dead letter',
}

/** Part of the store's throughput that a promise takes; negative within the noise. */
export function costShare({ all, without }: Costs, cost: Cost): number {
  const other = without[cost].rowsPerSecond
  return cost === 'dead letters' ? 1 - other / all.rowsPerSecond : 1 - all.rowsPerSecond / other
}

export function costsTable(costs: Costs): string {
  const row = (name: string, figure: Figure, share: string): string[] => [
    name,
    round(figure.rowsPerSecond),
    fixed(figure.cpuSecondsPerMillion),
    fixed(figure.postgresCpuSecondsPerMillion),
    share,
  ]
  return markdownTable(
    ['store alone, one connection', 'rows/s', 'CPU-s/M', 'PostgreSQL CPU-s/M', 'costs of throughput'],
    [
      row('everything', costs.all, ''),
      ...COSTS.map((cost) => row(MEANT[cost], costs.without[cost], signedPercent(100 * costShare(costs, cost)))),
    ],
  )
}

/** What begins the statement of a promise in the store's transaction; null where it has none of its own. */
const STATEMENTS: Readonly<Record<Cost, RegExp | null>> = {
  'exactly once': /^select ingest_advance\(/,
  aggregates: /^insert into log_aggregates/,
  explanation: null,
  'all three': /^select ingest_advance\(|^insert into log_aggregates/,
  'dead letters': null,
}

/** A transaction's text without the statement of a promise. Each statement begins a line and ends with a semicolon at a line's end. */
export function withoutStatement(text: string, cost: Cost): string {
  const cut = STATEMENTS[cost]
  if (cut === null) return text
  return text
    .split(/(?<=;)\n/)
    .filter((statement) => !cut.test(statement.trimStart()))
    .join('\n')
}

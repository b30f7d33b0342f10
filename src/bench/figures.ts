/** What the benchmark measures of each part, and how it is told. */

export interface Figure {
  readonly rowsPerSecond: number
  /** CPU-seconds of the measured process per million rows; null where it was not ours. */
  readonly cpuSecondsPerMillion: number | null
  readonly peakRssMb: number | null
}

export const PARTS = ['psql', 'sink', 'source', 'service'] as const
export type Part = (typeof PARTS)[number]

export interface Report {
  readonly machine: string
  readonly node: string
  readonly postgres: string
  readonly broker: string
  readonly rows: number
  readonly rounds: number
  /** Medians over the rounds; a part that could not be run is missing. */
  readonly medians: Readonly<Partial<Record<Part, Figure>>>
  readonly all: Readonly<Record<Part, readonly Figure[]>>
  /** Median over the rounds of service over psql, each pair of the same round. */
  readonly serviceToPsql: number | null
  readonly sinkToPsql: number | null
  readonly age: {
    readonly rate: number
    readonly seconds: number
    readonly p50: number | null
    readonly p99: number | null
  } | null
  readonly notes: readonly string[]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

export function medianFigure(figures: readonly Figure[]): Figure {
  const of = (pick: (figure: Figure) => number | null): number | null => {
    const values = figures.map(pick).filter((value) => value !== null)
    return values.length === 0 ? null : median(values)
  }
  return {
    rowsPerSecond: of((f) => f.rowsPerSecond) ?? 0,
    cpuSecondsPerMillion: of((f) => f.cpuSecondsPerMillion),
    peakRssMb: of((f) => f.peakRssMb),
  }
}

const NAMES: Readonly<Record<Part, string>> = {
  psql: 'psql \\copy text, one session (the limit)',
  sink: 'store alone: encode, COPY, ledger, aggregates',
  source: 'source alone: fetch, check, cut into batches',
  service: '**the whole service**, scored, exactly once',
}

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

export function table(report: Report): string {
  const rows = PARTS.flatMap((part) => {
    const figure = report.medians[part]
    if (figure === undefined) return []
    const cpu = figure.cpuSecondsPerMillion === null ? '' : figure.cpuSecondsPerMillion.toFixed(2)
    const rss = figure.peakRssMb === null ? '' : whole.format(figure.peakRssMb)
    const limit = report.medians.psql?.rowsPerSecond
    const ratio = limit === undefined ? '' : (figure.rowsPerSecond / limit).toFixed(2)
    return [`| ${NAMES[part]} | ${whole.format(figure.rowsPerSecond)} | ${ratio} | ${cpu} | ${rss} |`]
  })
  return ['| | rows/s | ratio to psql | CPU-s per million | peak RSS MB |', '|---|---|---|---|---|', ...rows].join('\n')
}

export function page(report: Report): string {
  const { age } = report
  const ages =
    age === null
      ? ''
      : `\nAt a steady ${whole.format(age.rate)} logs/s for ${age.seconds} s, from produce to commit: p50 ${age.p50} ms, p99 ${age.p99} ms.\n`
  return `# Benchmarks

Written by \`npm run bench -- --write\`; medians of ${report.rounds} interleaved rounds of ${whole.format(report.rows)} logs. Broker, database and worker share the machine.
Only the ratios to psql of the same run travel to another machine.

- Machine: ${report.machine}
- Node ${report.node}, ${report.postgres}, ${report.broker}
- Table: as migrated, plus a full index (service, level, created_at) for all parts, psql's included
- CPU-seconds are of the measured process alone, without its start

${table(report)}
${ages}
Ratio of the whole service to psql, median of the rounds: **${report.serviceToPsql?.toFixed(2) ?? 'not known (no psql on this machine)'}**.
${report.notes.map((note) => `\n- ${note}`).join('')}
`
}

/** The report as docs/benchmarks.md, and its tables for the terminal. */
import { costsTable } from './costs.ts'
import { hotspotsTable } from './cpu-profile.ts'
import { type Figure, medianFigure } from './figures.ts'
import { goalsTable, ratioOf } from './goals.ts'
import { fixed, markdownTable, percent, round } from './markdown.ts'
import { type Drain, type Latency, PARTS, type Part, type Report, type Small } from './report.ts'
import { STAGES } from './stages.ts'
import { sweepTable } from './sweeps.ts'

const NAMES: Readonly<Record<Part, string>> = {
  'psql-text': 'psql \\copy text, one session (the limit)',
  'psql-text-2': 'psql \\copy text, two sessions',
  'psql-binary': 'psql \\copy binary, one session',
  'psql-binary-2': 'psql \\copy binary, two sessions',
  'sink-1': 'store alone, one connection: encode, COPY, ledger, aggregates',
  'sink-2': 'store alone, two connections',
  source: 'source alone: fetch, verify, decompress, cut into records',
  service: '**the whole service**, scored, exactly once',
}

function partsTable(report: Report): string {
  const rows = PARTS.flatMap((part) => {
    const figures = report.all[part]
    if (figures.length === 0) return []
    const figure = medianFigure(figures)
    const ratio = (under: Part): string => (part === 'source' ? '' : fixed(ratioOf(report, part, under)))
    return [
      [
        NAMES[part],
        round(figure.rowsPerSecond),
        rangeOf(figures),
        ratio('psql-text'),
        ratio('psql-binary'),
        ...costCells(figure),
      ],
    ]
  })
  const header = [
    '',
    'rows/s',
    'least .. most',
    'to psql text',
    'to psql binary',
    'CPU-s/M',
    'PostgreSQL CPU-s/M',
    'cores busy',
    'peak RSS MB',
    'GC',
  ]
  return markdownTable([...header, 'loop delay p50 / p99 / max ms'], rows)
}

/** How far the rounds lie apart. */
function rangeOf(figures: readonly Figure[]): string {
  const rates = figures.map(({ rowsPerSecond }) => rowsPerSecond)
  return figures.length < 2 ? '' : `${round(Math.min(...rates))} .. ${round(Math.max(...rates))}`
}

function costCells(figure: Figure): string[] {
  const { cpuSecondsPerMillion, postgresCpuSecondsPerMillion, coresBusy, peakRssMb, gcShare, loopDelayMs } = figure
  const delays = loopDelayMs === null ? [] : [loopDelayMs.p50, loopDelayMs.p99, loopDelayMs.max]
  return [
    fixed(cpuSecondsPerMillion),
    fixed(postgresCpuSecondsPerMillion),
    fixed(coresBusy),
    round(peakRssMb),
    gcShare === null ? '' : percent(gcShare * 100),
    delays.map((ms) => fixed(ms, 0)).join(' / '),
  ]
}

const STAGE_NAMES = {
  parse: 'JSON.parse of the same messages, for comparison',
  normalize: 'normalize',
  score: 'score, the model',
  encode: 'encode',
} as const

function stagesTable({ stages }: Report): string | null {
  if (stages === null) return null
  const rows = STAGES.map((stage) => {
    const { microseconds, ratio, bytes } = stages[stage]
    return [STAGE_NAMES[stage], fixed(microseconds), fixed(ratio), bytes === null ? '' : round(bytes)]
  })
  return markdownTable(['one stage alone', 'CPU µs a log', 'to JSON.parse', 'heap bytes a log'], rows)
}

function latencyLine({ rate, seconds, p50, p99, p999, max, sendP50, sendP99, workerCpuShare }: Latency): string {
  const cpu = workerCpuShare === null ? '' : ` The worker took ${percent(workerCpuShare * 100)} of a core.`
  const ages = `p50 ${round(p50)} ms, p99 ${round(p99)} ms, p99.9 ${round(p999)} ms, max ${round(max)} ms`
  return `At a steady ${round(rate)} logs/s for ${seconds} s, from produce to commit: ${ages}. In it are the producer's own requests, p50 ${round(sendP50)} ms, p99 ${round(sendP99)} ms.${cpu}`
}

function smallLine({ idleCpuShare, idleRssMb, firstRowMs, singleMs }: Small): string {
  const cpu = idleCpuShare === null ? 'an unknown part' : percent(idleCpuShare * 100, 2)
  return `An idle worker takes ${cpu} of a core and ${round(idleRssMb)} MB. From its start to the first row: ${round(firstRowMs)} ms. ${singleMs.logs} logs sent one at a time were visible after ${round(singleMs.p50)} ms (median), ${round(singleMs.max)} ms at most.`
}

function drainLine(drain: Drain): string {
  const { backlog, arriving, rowsPerSecond, slowestTenth, steadyRowsPerSecond, caughtUpSeconds } = drain
  const cpu = drain.cpuSecondsPerMillion === null ? '' : ` ${fixed(drain.cpuSecondsPerMillion)} CPU-s/M;`
  const ratio = fixed(rowsPerSecond / steadyRowsPerSecond)
  return `A backlog of ${round(backlog)} logs, while ${round(arriving)} a second arrived behind it, was worked off at ${round(rowsPerSecond)} rows/s, ${ratio} of the ${round(steadyRowsPerSecond)} of short backlogs without arrivals before and after it; its slowest tenth at ${round(slowestTenth)}.${cpu} peak RSS ${round(drain.peakRssMb)} MB. Nothing was behind any more after ${round(caughtUpSeconds)} s.`
}

/** Title and text of each part that was measured. */
function sections(report: Report): [title: string, text: string][] {
  const { hotspots, all } = report
  const cpu = all.service.length === 0 ? null : medianFigure(all.service).cpuSecondsPerMillion
  const found: [string, string | null][] = [
    ['Goals', goalsTable(report)],
    ['Parts', PARTS.every((part) => all[part].length === 0) ? null : partsTable(report)],
    ['Stages', stagesTable(report)],
    ['Where the CPU of the worker goes', hotspots === null ? null : hotspotsTable(hotspots, cpu)],
    ['Cost of the promises', report.costs === null ? null : costsTable(report.costs)],
    ['Latency', report.latency === null ? null : latencyLine(report.latency)],
    ['Idle and small', report.small === null ? null : smallLine(report.small)],
    ['Catching up', report.drain === null ? null : drainLine(report.drain)],
    ...report.sweeps.map((sweep): [string, string] => [`Sweep: ${sweep.name}`, sweepTable(sweep)]),
    ['Notes', report.notes.length === 0 ? null : report.notes.map((note) => `- ${note}`).join('\n')],
  ]
  return found.filter((each): each is [string, string] => each[1] !== null)
}

export function terminalText(report: Report): string {
  return sections(report)
    .map(([title, text]) => `${title}\n${text}\n`)
    .join('\n')
}

export function page(report: Report): string {
  return `# Benchmarks

Written by \`npm run bench -- --write\`; parts are medians of ${report.rounds} interleaved rounds of ${round(report.rows)} logs of about 236 bytes. Broker, database and
worker share the machine. Only ratios to psql of the same run, and CPU-seconds relative to each other, travel to another machine.
Beside what could be run instead: \`npm run bench:peers\` (bench/peers).

${worldLines(report).join('\n')}
- Table: as migrated, plus a full index (service, level, created_at), the same for psql; autovacuum off during the rounds
- CPU-s/M: CPU-seconds per million logs, of the measured process without its start, and of all processes of PostgreSQL
- The source alone only reads: it cuts records out of verified and decompressed batches, and nobody looks into them. It is no rate that a service could reach
- Cores busy: of the machine, by whomever: this part, PostgreSQL, the broker, the kernel for all of them. Where all are, only less CPU a log is faster
- GC: seconds in garbage collection over CPU-seconds; its threads work beside the event loop

${sections(report)
  .map(([title, text]) => `## ${title}\n\n${text}\n`)
  .join('\n')}`
}

export type WorldNames = Pick<Report, 'machine' | 'node' | 'postgres' | 'broker'>

/** By which two pages can be told to be of the same machine and versions. */
export function worldLines({ machine, node, postgres, broker }: WorldNames): string[] {
  return [`- Machine: ${machine}`, `- Node ${node}, ${postgres}, ${broker}`]
}

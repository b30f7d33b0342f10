/** One thing varied at a time, everything else as usual: is the cost of a log flat? */

import type { Figure } from './figures.ts'
import { spread } from './figures.ts'
import type { LogShape } from './logs.ts'
import { USUAL_SHAPE } from './logs.ts'
import { fixed, markdownTable, round, signedPercent } from './markdown.ts'
import { type SizeLine, sizeLine } from './size-line.ts'

export const SWEEPS = ['batch', 'partitions', 'services', 'size', 'codec', 'backlog', 'table', 'workers'] as const
export type SweepName = (typeof SWEEPS)[number]

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** The world of one point. */
export interface SweepPoint {
  /** As the table shows it. */
  readonly value: string
  readonly rows: number
  readonly partitions: number
  readonly codec: (typeof CODECS)[number]
  readonly shape: LogShape
  /** BATCH_ROWS_MAX; null: as the service chooses. */
  readonly batchRowsMax: number | null
  /** Rows in the table before. */
  readonly tableRows: number
  readonly workers: number
}

export interface SweepResult {
  readonly name: SweepName
  readonly points: readonly SweepFigure[]
}

export interface SweepFigure {
  readonly value: string
  /** Of one message, mean. */
  readonly bytes: number
  readonly figure: Figure
  /** PostgreSQL's CPU-seconds a million rows when psql copies the same rows, binary; null or missing where it was not measured. */
  readonly psqlCpuSecondsPerMillion?: number | null
}

const USUAL: Omit<SweepPoint, 'value' | 'rows'> = {
  partitions: 4,
  codec: 'lz4',
  shape: USUAL_SHAPE,
  batchRowsMax: null,
  tableRows: 0,
  workers: 1,
}

const number = new Intl.NumberFormat('en-US')

/** The largest table of a sweep that is not asked for more. */
const TABLE_ROWS_MAX = 5_000_000

/**
 * `rows` of the usual size; larger logs are fewer, so that a point stays about as long. `to`: the longest backlog or the largest
 * table, where the sweep is over these; null: as long as the other points allow.
 */
export function sweepPoints(name: SweepName, rows: number, to: number | null = null): SweepPoint[] {
  const usual = { ...USUAL, rows }
  switch (name) {
    case 'batch':
      return [500, 2_000, 5_000, 10_000, 20_000].map((size) => ({
        ...usual,
        value: number.format(size),
        batchRowsMax: size,
      }))
    case 'partitions':
      return [1, 4, 16, 64, 256].map((partitions) => ({ ...usual, value: number.format(partitions), partitions }))
    case 'services':
      return [10, 100, 1_000, 10_000].map((services) => ({
        ...usual,
        value: number.format(services),
        shape: { ...USUAL_SHAPE, services },
      }))
    case 'size':
      return [180, 300, 1_000, 3_000, 10_000].map((bytes) => ({
        ...usual,
        value: `${number.format(bytes)} B`,
        shape: { ...USUAL_SHAPE, bytes },
        rows: Math.max(1_000, Math.round(rows * Math.min(1, 700 / bytes))),
      }))
    case 'codec':
      return CODECS.map((codec) => ({ ...usual, value: codec, codec }))
    case 'backlog':
      return upTo(to ?? rows * 5, [rows * 0.2, rows, rows * 5]).map((backlog) => ({
        ...usual,
        value: number.format(backlog),
        rows: backlog,
      }))
    case 'table':
      return [0, ...upTo(to ?? TABLE_ROWS_MAX, [1_000_000, TABLE_ROWS_MAX])].map((tableRows) => ({
        ...usual,
        value: number.format(tableRows),
        tableRows,
      }))
    case 'workers':
      // More of them, because the last worker's start is longer than the first one's quarter otherwise.
      return [1, 2].map((workers) => ({ ...usual, value: number.format(workers), workers, rows: rows * 3 }))
  }
}

/** Those of the steps that are shorter, then the last one itself. */
function upTo(last: number, steps: readonly number[]): number[] {
  return [...steps.filter((step) => step < last), last].map(Math.round)
}

/** The sweeps in which a log's cost is to be the same at every point. */
export const FLAT: readonly SweepName[] = ['partitions', 'services', 'size', 'backlog', 'table']

/** Worker's and PostgreSQL's CPU a log in µs, NaN where it could not be read; of the sweep over sizes a KiB of messages, since that is what must be flat there. */
export function pointCost(name: SweepName, { figure, bytes }: SweepFigure): number {
  const perLog = (figure.cpuSecondsPerMillion ?? Number.NaN) + (figure.postgresCpuSecondsPerMillion ?? 0)
  return name === 'size' ? (perLog / bytes) * 1024 : perLog
}

/** The sweeps in which the table itself takes more or less for a row, which psql's own COPY shows. */
export const BESIDE_PSQL: readonly SweepName[] = ['services', 'size']

/** Of the sweep over sizes: what a log costs and what a KiB of it. Null for every other sweep, and where it could not be measured. */
export function lineOf({ name, points }: SweepResult): SizeLine | null {
  if (name !== 'size') return null
  return sizeLine(points.map((point) => ({ bytes: point.bytes, cost: pointCost('codec', point) })))
}

const WORKERS_SHARE =
  'Broker, database and workers share the cores of this machine. Where two cores are all there is, a second worker takes from the database what it needs itself, and both together are slower than one.'

export function sweepTable(result: SweepResult): string {
  const { name, points } = result
  const line = lineOf(result)
  const costs = points.map((point) => pointCost(name, point))
  const { middle } = spread(costs.filter(Number.isFinite))
  const besidePsql = points.some(({ psqlCpuSecondsPerMillion: psql }) => typeof psql === 'number')
  const rows = points.map(({ value, bytes, figure, psqlCpuSecondsPerMillion = null }, at) => [
    value,
    round(figure.rowsPerSecond),
    round((figure.rowsPerSecond * bytes) / 1_048_576),
    fixed(figure.cpuSecondsPerMillion),
    fixed(figure.postgresCpuSecondsPerMillion),
    ...(besidePsql ? [fixed(psqlCpuSecondsPerMillion)] : []),
    round(figure.peakRssMb),
    fixed(costs[at]),
    signedPercent((((costs[at] ?? Number.NaN) - middle) / middle) * 100),
    ...(line === null ? [] : [signedPercent(line.percent[at] ?? Number.NaN)]),
  ])
  const cost = name === 'size' ? 'both, µs a KiB' : 'both, µs a log'
  const header = [
    name,
    'rows/s',
    'MiB/s',
    'worker CPU-s/M',
    'PostgreSQL CPU-s/M',
    ...(besidePsql ? ['its CPU-s/M for psql binary'] : []),
    'peak RSS MB',
    cost,
    'from the middle',
    ...(line === null ? [] : ['from the line']),
  ]
  const table = markdownTable(header, rows)
  if (name === 'workers') return `${table}\n\n${WORKERS_SHARE}`
  if (line === null) return table
  return `${table}\n\nA log costs ${fixed(line.perLog)} µs and each KiB of it ${fixed(line.perKib)} µs, the line through these points. A KiB of small messages holds more rows, so the cost a KiB cannot be flat; the line can be straight. It has a bend above 650 B: of a longer message only the first 512 characters are read for its template.`
}

/** The parts of the line, interleaved so that a machine whose speed drifts treats all alike; psql's own COPY of the same rows is the limit. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Figure, NOTHING } from '../bench/figures.ts'
import { coresBusySince, statOf, treeCpuSeconds } from '../bench/process-usage.ts'
import { NO_FIGURES, PARTS, type Part, type Report } from '../bench/report.ts'
import { serviceFigure } from './bench-service.ts'
import { type Bench, emptyTables, partOf, psql } from './bench-world.ts'

export const COLUMNS =
  'service, level, message, latency_ms, anomaly_score, is_anomaly, created_at, user_id, metadata, ingest_topic_id, kafka_partition, kafka_offset, item, score_source, explanation'

export function psqlMissing(): string | null {
  return spawnSync('psql', ['--version']).status === 0
    ? null
    : 'psql is not on this machine, so the limit and the ratios are missing'
}

/** `topic` holds `bench.rows` logs. */
export async function measureParts(bench: Bench, topic: string): Promise<Report['all']> {
  const all = structuredClone(NO_FIGURES) as Record<Part, Figure[]>
  const withPsql = psqlMissing() === null
  // The first whole run fills the table that psql's files are written from; it is not counted.
  await emptyTables(bench)
  await serviceFigure(bench, { name: 'warm', topic, rows: bench.rows })
  if (withPsql) await writeFiles(bench)
  for (let round = 0; round < bench.rounds; round++) {
    for (const part of round % 2 === 0 ? PARTS : PARTS.toReversed()) {
      if (part.startsWith('psql') && !withPsql) continue
      await emptyTables(bench)
      const figure = await onePart(bench, part, { name: `${part}-${round}`, topic })
      all[part].push(figure)
      bench.tell(`round ${round + 1} ${part}: ${Math.round(figure.rowsPerSecond)} rows/s`)
    }
  }
  return all
}

function onePart(bench: Bench, part: Part, task: { name: string; topic: string }): Promise<Figure> {
  switch (part) {
    case 'psql-text':
      return psqlFigure(bench, 'text', ['all'])
    case 'psql-text-2':
      return psqlFigure(bench, 'text', HALVES)
    case 'psql-binary':
      return psqlFigure(bench, 'binary', ['all'])
    case 'psql-binary-2':
      return psqlFigure(bench, 'binary', HALVES)
    case 'service':
      return serviceFigure(bench, { ...task, rows: bench.rows })
    default:
      return partOf<Figure>(bench, part, task)
  }
}

type Format = 'text' | 'binary'
const HALVES = ['even', 'odd'] as const
const FILES = {
  all: '',
  even: ' and kafka_partition % 2 = 0',
  odd: ' and kafka_partition % 2 = 1',
} as const

const fileOf = ({ folder }: Bench, format: Format, which: string): string => join(folder, `rows-${which}.${format}`)

async function writeFiles(bench: Bench): Promise<void> {
  for (const format of ['text', 'binary'] as const)
    for (const which of ['all', ...HALVES] as const) await writeFile(bench, format, which)
}

function writeFile(bench: Bench, format: Format, which: keyof typeof FILES): Promise<void> {
  const rows = `select ${COLUMNS} from logs where kafka_offset is not null${FILES[which]}`
  return psql(bench, `\\copy (${rows}) to '${fileOf(bench, format, which)}' (format ${format})`)
}

/** psql's binary COPY of the rows that the service stored, once more into the table; null without psql. */
export async function psqlAgain(bench: Bench, rows: number, makeReady: () => Promise<void>): Promise<Figure | null> {
  if (psqlMissing() !== null) return null
  await writeFile(bench, 'binary', 'all')
  await makeReady()
  return psqlFigure({ ...bench, rows }, 'binary', ['all'])
}

async function psqlFigure(bench: Bench, format: Format, files: readonly (keyof typeof FILES)[]): Promise<Figure> {
  const startedMs = performance.now()
  const used = usageSince(bench.postmaster)
  const coresBusy = coresBusySince()
  await Promise.all(
    files.map((which) =>
      psql(bench, `\\copy logs (${COLUMNS}) from '${fileOf(bench, format, which)}' (format ${format})`),
    ),
  )
  const seconds = (performance.now() - startedMs) / 1000
  const [{ own, postgres }, busy] = [used(), coresBusy()]
  const perMillion = (cpu: number | null): number | null => (cpu === null ? null : (cpu / bench.rows) * 1e6)
  return {
    ...NOTHING,
    rowsPerSecond: bench.rows / seconds,
    cpuSecondsPerMillion: perMillion(own),
    postgresCpuSecondsPerMillion: perMillion(postgres),
    coresBusy: busy,
  }
}

/** CPU-seconds from the call on: of children that ended meanwhile, and of PostgreSQL; null where they can't be read. */
export function usageSince(postmaster: number | null) {
  const read = () => ({
    own: statOf(process.pid)?.reapedSeconds ?? null,
    postgres: postmaster === null ? null : treeCpuSeconds(postmaster),
  })
  const before = read()
  return () => {
    const after = read()
    const grown = (of: 'own' | 'postgres'): number | null => {
      const [from, to] = [before[of], after[of]]
      return from === null || to === null ? null : to - from
    }
    return { own: grown('own'), postgres: grown('postgres') }
  }
}

/** The comparison as a table: what each peer reached, and what a kill -9 cost it. */
import { fixed, markdownTable, round } from '../../src/bench/markdown.ts'

/** Begins the name of this program's line. */
export const OURS = '**this program**'

export interface PeerFigure {
  readonly rows: number
  readonly rowsPerSecond: number
  readonly cpuSecondsPerMillion: number | null
  readonly postgresCpuSecondsPerMillion: number | null
  readonly peakRssMb: number | null
}

export interface KillOutcome {
  readonly rows: number
  /** Rows in the table when it was killed. */
  readonly killedAt: number
  readonly lost: number
  /** Rows too many. */
  readonly twice: number
}

export interface PeerResult {
  readonly name: string
  readonly figure: PeerFigure
  /** null: killing makes no sense for it. */
  readonly killed: KillOutcome | null
}

export interface Comparison {
  readonly machine: string
  readonly versions: string
  readonly rows: number
  readonly results: readonly PeerResult[]
  /** Of those that were left out, a line each. */
  readonly notes: readonly string[]
}

export function comparisonTable({ results }: Pick<Comparison, 'results'>): string {
  const limit = results.find(({ name }) => name.startsWith('psql'))?.figure.rowsPerSecond
  const rows = results.map(({ name, figure, killed }) => [
    name,
    round(figure.rowsPerSecond),
    limit === undefined ? '' : fixed(figure.rowsPerSecond / limit, figure.rowsPerSecond < limit / 10 ? 3 : 2),
    fixed(figure.cpuSecondsPerMillion, 1),
    fixed(figure.postgresCpuSecondsPerMillion, 1),
    round(figure.peakRssMb),
    killed === null ? '' : `${round(killed.lost)} / ${round(killed.twice)} of ${round(killed.rows)}`,
  ])
  const header = ['', 'rows/s', 'to psql', 'CPU-s/M', 'PostgreSQL CPU-s/M', 'RSS MB', 'after one kill -9: lost / twice']
  return markdownTable(header, rows)
}

/** Rows a second of this program over those of the fastest other one; null where there is nothing to compare. */
export function lead({
  results,
}: Pick<Comparison, 'results'>): { readonly ratio: number; readonly other: string } | null {
  const programs = results.filter(({ name }) => !name.startsWith('psql'))
  const own = programs.find(({ name }) => name.startsWith(OURS))
  const [fastest] = programs
    .filter((each) => each !== own)
    .sort((a, b) => b.figure.rowsPerSecond - a.figure.rowsPerSecond)
  if (own === undefined || fastest === undefined) return null
  return { ratio: own.figure.rowsPerSecond / fastest.figure.rowsPerSecond, other: fastest.name }
}

export function leadLine(comparison: Pick<Comparison, 'results'>): string {
  const found = lead(comparison)
  return found === null
    ? ''
    : `${fixed(found.ratio)} times as fast as the fastest other one (${found.other}), which does not score.\n`
}

export function comparisonPage(comparison: Comparison): string {
  const { machine, versions, rows, notes } = comparison
  return `# Side by side

Written by \`npm run bench:peers -- --write\`: what could be run instead, over the same topic of ${round(rows)} JSON logs of about 236 bytes (4 partitions, lz4), into the same
table (as migrated, plus a full index (service, level, created_at)), on one machine that broker, database and peer share. Only this program scores the logs, keeps dead letters and
aggregates; the others store them as they are. Settings and versions: bench/peers.

- Machine: ${machine}
- ${versions}
- rows/s from the rows' own times of commit, the first half left out, in which the Java and JavaScript ones still compile themselves; CPU-seconds of the peer's processes and of PostgreSQL per million rows from there on
- Kill: SIGKILL at about half, started again at once; lost and twice are counted when nothing comes any more

${comparisonTable(comparison)}

${leadLine(comparison)}${notes.map((note) => `\n- ${note}`).join('')}${notes.length > 0 ? '\n' : ''}`
}

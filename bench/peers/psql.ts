/** The limit: psql's own COPY of the rows that lie in the table, into the same table. */
import { join } from 'node:path'
import { COLUMNS, psqlMissing, usageSince } from '../../src/commands/bench-parts.ts'
import { psql } from '../../src/commands/bench-world.ts'
import type { Arena } from './measure.ts'
import type { PeerResult } from './table.ts'

/** null where psql is not there. */
export async function psqlResult({ stage, signal }: Arena, rows: number): Promise<PeerResult | null> {
  if (psqlMissing() !== null) return null
  const file = join(stage.folder, 'peers.txt')
  const access = { ...stage, signal }
  await psql(access, `\\copy (select ${COLUMNS} from logs) to '${file}'`)
  await stage.database.query('truncate logs, log_aggregates')
  await stage.database.query('checkpoint').catch(() => undefined)
  const used = usageSince(stage.postmaster)
  const startedMs = performance.now()
  await psql(access, `\\copy logs (${COLUMNS}) from '${file}'`)
  const seconds = (performance.now() - startedMs) / 1000
  const { own, postgres } = used()
  const perMillion = (cpu: number | null): number | null => (cpu === null ? null : (cpu / rows) * 1e6)
  const figure = {
    rows,
    rowsPerSecond: rows / seconds,
    cpuSecondsPerMillion: perMillion(own),
    postgresCpuSecondsPerMillion: perMillion(postgres),
    peakRssMb: null,
  }
  return { name: 'psql \\copy text, one session (the limit)', figure, killed: null }
}

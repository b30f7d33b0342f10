/** One thing varied at a time, the whole service measured at each point. */
import {
  BESIDE_PSQL,
  type SweepFigure,
  type SweepName,
  type SweepPoint,
  type SweepResult,
  sweepPoints,
} from '../bench/sweeps.ts'
import { openProducer } from '../kafka/producer.ts'
import { psqlAgain } from './bench-parts.ts'
import { serviceFigure } from './bench-service.ts'
import { type Bench, emptyTables, fill } from './bench-world.ts'

/** Room for the largest batch of the sweep. */
const BATCH_BYTES_MAX = 32 << 20

/** `to`: the longest backlog or the largest table; null: the usual ones. */
export async function measureSweep(
  bench: Bench,
  name: SweepName,
  { rows, to }: { rows: number; to: number | null },
): Promise<SweepResult> {
  const points: SweepFigure[] = []
  for (const [at, point] of sweepPoints(name, rows, to).entries()) {
    const found = await onePoint(bench, `${name}-${at}`, { ...point, besidePsql: BESIDE_PSQL.includes(name) })
    points.push({ value: point.value, ...found })
    bench.tell(`${name} ${point.value}: ${Math.round(found.figure.rowsPerSecond)} rows/s`)
  }
  return { name, points }
}

async function onePoint(bench: Bench, name: string, point: SweepPoint & { besidePsql: boolean }) {
  const { partitions, rows, shape, workers, batchRowsMax } = point
  return bench.withTopic({ name, partitions }, async (topic) => {
    const compression = point.codec
    const producer = await openProducer({ ...bench.cluster, compression })
    const bytes = await fill(bench, { producer, topic, rows, shape }).finally(() => producer.close())
    const makeReady = async (): Promise<void> => {
      await emptyTables(bench)
      if (point.tableRows > 0) await fillTable(bench, point.tableRows)
    }
    await makeReady()
    const env: Record<string, string> =
      batchRowsMax === null ? {} : { BATCH_ROWS_MAX: String(batchRowsMax), BATCH_BYTES_MAX: String(BATCH_BYTES_MAX) }
    const figure = await serviceFigure(bench, { name, topic, rows, workers, env })
    const psql = point.besidePsql ? await psqlAgain(bench, rows, makeReady) : null
    return { figure, bytes: bytes / rows, psqlCpuSecondsPerMillion: psql?.postgresCpuSecondsPerMillion ?? null }
  })
}

/** A statement's share of a large table: between two of them the benchmark can be ended. */
const FILL_ROWS = 2_000_000

/** Rows of earlier days, of all the services. */
async function fillTable({ database, signal }: Bench, rows: number): Promise<void> {
  for (let from = 1; from <= rows; from += FILL_ROWS) {
    signal.throwIfAborted()
    await database.query(
      `insert into logs (service, level, message, latency_ms, anomaly_score, is_anomaly, created_at)
       select 'service-' || i % 20, case when i % 100 = 0 then 'ERROR' else 'INFO' end,
              'request ' || md5(i::text) || ' answered', i % 500, 0.1, false, timestamptz '2026-01-01' + i * interval '50 ms'
         from generate_series($1::int, $2::int) i`,
      [from, Math.min(rows, from + FILL_ROWS - 1)],
    )
  }
  await database.query('checkpoint').catch(() => undefined)
}

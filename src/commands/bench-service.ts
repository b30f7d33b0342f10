/** The whole service over a topic that is there already: from its first quarter on, so that its start and V8's learning are left out. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../bench/figures.ts'
import { coresBusySince, treeCpuSeconds, treeRssMb } from '../bench/process-usage.ts'
import { loopDelayOf, sumOf } from '../bench/worker-metrics.ts'
import type { WorkerProcess } from '../demo/worker-process.ts'
import { type Bench, progressOf, startWorker, type Task } from './bench-world.ts'

const POLL_MS = 25
const TIMEOUT_MS = 600_000

interface Sample {
  readonly atUs: number
  readonly rows: number
  readonly cpuSeconds: number | null
  readonly postgresCpuSeconds: number | null
  readonly page: string
}

export async function serviceFigure(bench: Bench, task: Task & { rows: number }): Promise<Figure> {
  return (await serviceRun(bench, task)).figure
}

export interface ServiceRun {
  readonly figure: Figure
  /** When what was measured began and ended, in microseconds on the monotonic clock. */
  readonly fromUs: number
  readonly toUs: number
}

export async function serviceRun(bench: Bench, task: Task & { rows: number }): Promise<ServiceRun> {
  const worker = await startWorker(bench, task)
  const startedUs = Number(process.hrtime.bigint() / 1000n)
  try {
    const first = await sampleFrom(bench, { worker, name: task.name, rows: task.rows / 4 })
    const coresBusy = coresBusySince()
    const last = await sampleFrom(bench, { worker, name: task.name, rows: task.rows })
    const busy = coresBusy()
    const rows = last.rows - first.rows
    const perMillion = (of: 'cpuSeconds' | 'postgresCpuSeconds'): number | null => {
      const [before, after] = [first[of], last[of]]
      return before === null || after === null || rows === 0 ? null : ((after - before) / rows) * 1e6
    }
    const cpuSecondsPerMillion = perMillion('cpuSeconds')
    const gc = 'nodejs_gc_duration_seconds_sum'
    const gcSeconds = sumOf(last.page, gc) - sumOf(first.page, gc)
    const figure = {
      // So few rows that there is no steady part of them: from the start on.
      rowsPerSecond: (await rateByCommits(bench)) ?? (last.rows / (last.atUs - startedUs)) * 1e6,
      cpuSecondsPerMillion,
      postgresCpuSecondsPerMillion: perMillion('postgresCpuSeconds'),
      coresBusy: busy,
      peakRssMb: treeRssMb(worker.pid, 'VmHWM'),
      gcShare: cpuSecondsPerMillion === null ? null : gcSeconds / ((cpuSecondsPerMillion * rows) / 1e6),
      loopDelayMs: loopDelayOf(last.page),
    }
    return { figure, fromUs: first.atUs, toUs: last.atUs }
  } finally {
    await worker.stop()
  }
}

async function sampleFrom(
  bench: Bench,
  { worker, name, rows }: { worker: WorkerProcess; name: string; rows: number },
): Promise<Sample> {
  const deadline = performance.now() + TIMEOUT_MS
  let found = await progressOf(bench, name)
  for (; found < rows; found = await progressOf(bench, name)) {
    bench.signal.throwIfAborted()
    if (performance.now() > deadline) throw new Error(`the service stopped at ${found} rows; see ${worker.logFile}`)
    await sleep(POLL_MS)
  }
  const atUs = Number(process.hrtime.bigint() / 1000n)
  const cpuSeconds = treeCpuSeconds(worker.pid)
  const postgresCpuSeconds = bench.postmaster === null ? null : treeCpuSeconds(bench.postmaster)
  const page = await worker.metrics()
  return {
    atUs,
    rows: found,
    cpuSeconds: cpuSeconds ?? sumOf(page, 'process_cpu_seconds_total'),
    postgresCpuSeconds,
    page,
  }
}

/** Rows a second by the rows' own times, from the first transaction after a quarter of the rows to the start of the last; null where these are one. */
async function rateByCommits({ database }: Bench): Promise<number | null> {
  const { rows } = await database.query<{ n: string | null; seconds: number }>(`
    with transactions as (
      select ingested_at as began, count(*) as n from logs where kafka_offset is not null group by 1
    ), counted as (
      select began, n, sum(n) over (order by began) as until, sum(n) over () as total from transactions
    ), steady as (
      select began, n from counted where until - n >= total / 4
    )
    select sum(n) filter (where began < last) as n, extract(epoch from last - first)::float8 as seconds
      from steady, (select min(began) as first, max(began) as last from steady) ends
     group by first, last`)
  const { n, seconds } = rows[0] ?? { n: null, seconds: 0 }
  return n === null ? null : Number(n) / seconds
}

/** Catching up: how fast a long backlog is worked off while more arrives, beside the rate of a short one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { drainFigures, type Mark } from '../bench/drain-figures.ts'
import { rssMb, treeCpuSeconds } from '../bench/process-usage.ts'
import type { Drain } from '../bench/report.ts'
import type { WorkerProcess } from '../demo/worker-process.ts'
import { sendSteadily } from './bench-latency.ts'
import { serviceFigure } from './bench-service.ts'
import { type Bench, emptyTables, fill, PARTITIONS, progressOf, startWorker } from './bench-world.ts'

const POLL_MS = 25
const TENTHS = 10
/** Without a single new row for so long, it will not come to an end. */
const STALLED_MS = 60_000
const NAME = 'drain'

export async function measureDrain(bench: Bench, backlog: number, arriving: number): Promise<Drain> {
  return bench.withTopic({ name: NAME, partitions: PARTITIONS }, async (topic) => {
    await fill(bench, { producer: bench.producer, topic, rows: backlog })
    const short = async (when: string): Promise<number> => {
      await emptyTables(bench)
      const rows = Math.min(bench.rows, backlog)
      return (await serviceFigure(bench, { name: `${NAME}-${when}`, topic, rows })).rowsPerSecond
    }
    const before = await short('before')
    await emptyTables(bench)
    const drained = await drain(bench, topic, { backlog, arriving })
    const steadyRowsPerSecond = (before + (await short('after'))) / 2
    bench.tell(`drain of ${backlog}: ${Math.round(drained.rowsPerSecond)} of ${Math.round(steadyRowsPerSecond)} rows/s`)
    return { backlog, arriving, steadyRowsPerSecond, ...drained }
  })
}

async function drain(bench: Bench, topic: string, { backlog, arriving }: { backlog: number; arriving: number }) {
  const worker = await startWorker(bench, { name: NAME, topic })
  let behind = true
  try {
    const arrivals = sendSteadily(bench, { topic, rate: arriving, more: () => behind })
    arrivals.catch(() => undefined) // told where it is awaited
    const first = await reached(bench, worker, 1)
    const marks = [first]
    for (let tenth = 1; tenth <= TENTHS; tenth++) {
      marks.push(await reached(bench, worker, Math.round((backlog * tenth) / TENTHS)))
    }
    behind = false
    const { sent } = await arrivals
    const end = await reached(bench, worker, backlog + sent)
    return {
      ...drainFigures(marks),
      caughtUpSeconds: (end.atMs - first.atMs) / 1000,
      peakRssMb: rssMb(worker.pid, 'VmHWM'),
    }
  } finally {
    behind = false
    await worker.stop()
  }
}

/** When the ledger counts so many records. Rejects where it stands still. */
async function reached(bench: Bench, worker: WorkerProcess, rows: number): Promise<Mark> {
  let [found, changedMs] = [-1, performance.now()]
  for (;;) {
    bench.signal.throwIfAborted()
    const now = await progressOf(bench, NAME)
    const atMs = performance.now()
    if (now >= rows) return { atMs, rows: now, cpuSeconds: treeCpuSeconds(worker.pid) }
    if (now !== found) [found, changedMs] = [now, atMs]
    if (atMs - changedMs > STALLED_MS) throw new Error(`the service stopped at ${now} rows; see ${worker.logFile}`)
    await sleep(POLL_MS)
  }
}

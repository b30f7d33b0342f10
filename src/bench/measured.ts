/** One piece of work in this process: its rate, its CPU and PostgreSQL's, its garbage collection, how late the event loop came. */
import { monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks'
import type { Figure } from './figures.ts'
import { coresBusySince, rssMb, treeCpuSeconds } from './process-usage.ts'

/** `postmaster`: PostgreSQL's first process, where it runs on this machine. Rejects as the work does. */
export async function measured(rows: number, postmaster: number | null, work: () => Promise<void>): Promise<Figure> {
  const pauses = watchPauses()
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const postgres = (): number | null => (postmaster === null ? null : treeCpuSeconds(postmaster))
  const [before, postgresBefore, startedMs] = [process.cpuUsage(), postgres(), performance.now()]
  const coresBusy = coresBusySince()
  await work()
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage(before)
  const [postgresAfter, busy] = [postgres(), coresBusy()]
  delay.disable()
  const cpuSeconds = (user + system) / 1e6
  const postgresSeconds = postgresBefore === null || postgresAfter === null ? null : postgresAfter - postgresBefore
  return {
    rowsPerSecond: rows / seconds,
    cpuSecondsPerMillion: (cpuSeconds / rows) * 1e6,
    postgresCpuSecondsPerMillion: postgresSeconds === null ? null : (postgresSeconds / rows) * 1e6,
    coresBusy: busy,
    peakRssMb: rssMb('self', 'VmHWM'),
    gcShare: (await pauses()) / cpuSeconds,
    loopDelayMs: {
      // What the histogram records is the whole interval of its timer.
      p50: Math.max(0, delay.percentile(50) / 1e6 - 5),
      p99: Math.max(0, delay.percentile(99) / 1e6 - 5),
      max: Math.max(0, delay.max / 1e6 - 5),
    },
  }
}

/** Answers the seconds of garbage collection since the call, and stops watching. */
function watchPauses(): () => Promise<number> {
  let seconds = 0
  const add = (entries: readonly PerformanceEntry[]): void => {
    for (const { duration } of entries) seconds += duration / 1000
  }
  const observer = new PerformanceObserver((list) => add(list.getEntries()))
  observer.observe({ entryTypes: ['gc'] })
  return async () => {
    // An entry is made in the turn after its collection, and handed on in the one after that.
    for (let turn = 0; turn < 2; turn++) await new Promise((done) => setImmediate(done))
    add(observer.takeRecords())
    observer.disconnect()
    return seconds
  }
}

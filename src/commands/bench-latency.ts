/** How long a log takes: at a steady rate from produce to commit, alone on an idle worker, and after a start. */
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../bench/figures.ts'
import { benchLog, USUAL_SHAPE } from '../bench/logs.ts'
import { rssMb, treeCpuSeconds } from '../bench/process-usage.ts'
import type { Latency, Small } from '../bench/report.ts'
import { Random } from '../demo/random.ts'
import { type Bench, emptyTables, fill, PARTITIONS, progressOf, startWorker } from './bench-world.ts'

const TICK_MS = 10
/** So many requests of the producer may be under way. */
const IN_FLIGHT_MAX = 64
/** A worker's first seconds are V8's, and are left out. */
const WARM_MS = 3_000
/** Until a worker has found that it is at rest, and tidied up (rest-collection.ts). */
const REST_MS = 15_000
const IDLE_MS = 30_000
const SINGLES = 20

/** null where the server does not keep the time of commits (track_commit_timestamp). */
export async function measureLatency(bench: Bench, rate: number, seconds: number): Promise<Latency | null> {
  const { rows: kept } = await bench.database.query<{ on: string }>(
    `select current_setting('track_commit_timestamp') as on`,
  )
  if (kept[0]?.on !== 'on') return null
  return bench.withTopic({ name: 'age', partitions: PARTITIONS }, async (topic) => {
    await emptyTables(bench)
    const worker = await startWorker(bench, { name: 'age', topic })
    try {
      const countedFromMs = Date.now() + WARM_MS
      const warm = await sendSteadily(bench, { topic, rate, more: (ms) => ms <= WARM_MS })
      const [cpuBefore, startedMs] = [treeCpuSeconds(worker.pid), performance.now()]
      const steady = await sendSteadily(bench, { topic, rate, more: (ms) => ms <= seconds * 1000 })
      const sent = warm.sent + steady.sent
      const cpuAfter = treeCpuSeconds(worker.pid)
      const tookSeconds = (performance.now() - startedMs) / 1000
      const deadline = performance.now() + 60_000
      while ((await progressOf(bench, 'age')) < sent && performance.now() < deadline) await sleep(50)
      const ages = await agesOf(bench, countedFromMs)
      const workerCpuShare = cpuBefore === null || cpuAfter === null ? null : (cpuAfter - cpuBefore) / tookSeconds
      const sendAt = (q: number): number => percentile(steady.sendMs, q) ?? Number.NaN
      return { rate, seconds, ...ages, sendP50: sendAt(0.5), sendP99: sendAt(0.99), workerCpuShare }
    } finally {
      await worker.stop()
    }
  })
}

/** Until `more`, given the milliseconds since the call, says no. Each log carries the time at which it is handed to the producer. Answers how many were sent, and how long requests took, sorted. */
export async function sendSteadily(
  { producer, signal }: Bench,
  { topic, rate, more }: { topic: string; rate: number; more: (ms: number) => boolean },
): Promise<{ sent: number; sendMs: number[] }> {
  const random = new Random(2)
  const flying = new Set<Promise<void>>()
  const startedMs = performance.now()
  const sendMs: number[] = []
  let sent = 0
  for (let tick = 1; more(tick * TICK_MS); tick++) {
    const wait = startedMs + tick * TICK_MS - performance.now()
    if (wait > 0) await sleep(wait)
    signal.throwIfAborted()
    const due = Math.round((tick * TICK_MS * rate) / 1000) - sent
    const atMs = Date.now()
    const messages = Array.from({ length: due }, (_, i) => ({
      value: benchLog(random, sent + i, { ...USUAL_SHAPE, atMs }),
    }))
    sent += due
    const sentMs = performance.now()
    const flight = producer.send(topic, messages).then(() => void sendMs.push(performance.now() - sentMs))
    flying.add(flight)
    flight.then(
      () => flying.delete(flight),
      () => undefined, // told where it is awaited
    )
    if (flying.size >= IN_FLIGHT_MAX) await Promise.race(flying)
  }
  await Promise.all(flying)
  return { sent, sendMs: sendMs.sort((a, b) => a - b) }
}

/** From the time in the log to that of its row's commit. */
async function agesOf(
  { database }: Bench,
  fromMs: number,
): Promise<Pick<Latency, 'logs' | 'p50' | 'p99' | 'p999' | 'max'>> {
  const { rows } = await database.query<{ logs: number; ages: number[] | null; max: number }>(
    `select count(*)::int as logs, percentile_disc(array[0.5, 0.99, 0.999]) within group (order by age) as ages, max(age) as max
       from (select extract(epoch from pg_xact_commit_timestamp(xmin) - created_at)::float8 * 1000 as age
               from logs
              where created_at >= to_timestamp($1::float8 / 1000)) each_log`,
    [fromMs],
  )
  const { logs, ages, max } = rows[0] ?? { logs: 0, ages: null, max: Number.NaN }
  const [p50, p99, p999] = ages ?? []
  return { logs, p50: p50 ?? Number.NaN, p99: p99 ?? Number.NaN, p999: p999 ?? Number.NaN, max }
}

export function measureSmall(bench: Bench): Promise<Small> {
  return bench.withTopic({ name: 'small', partitions: PARTITIONS }, async (topic) => {
    await emptyTables(bench)
    await fill(bench, { producer: bench.producer, topic, rows: 10 })
    const startedMs = performance.now()
    const starting = startWorker(bench, { name: 'small', topic })
    starting.catch(() => undefined) // told where it is awaited
    const firstRow = await Promise.race([rowsReach(bench, 1), starting.then(() => rowsReach(bench, 1))])
    const worker = await starting
    try {
      await rowsReach(bench, 10)
      const singleMs = await measureSingles(bench, topic)
      await sleep(REST_MS, undefined, { signal: bench.signal })
      const [cpuBefore, idleFromMs] = [treeCpuSeconds(worker.pid), performance.now()]
      await sleep(IDLE_MS, undefined, { signal: bench.signal })
      const cpuAfter = treeCpuSeconds(worker.pid)
      const idleSeconds = (performance.now() - idleFromMs) / 1000
      return {
        idleCpuShare: cpuBefore === null || cpuAfter === null ? null : (cpuAfter - cpuBefore) / idleSeconds,
        idleRssMb: rssMb(worker.pid, 'VmRSS'),
        firstRowMs: firstRow - startedMs,
        singleMs,
      }
    } finally {
      await worker.stop()
    }
  })
}

/** When so many rows can be seen, on the monotonic clock. */
async function rowsReach({ database, signal }: Bench, count: number): Promise<number> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const { rows } = await database.query<{ n: number }>('select count(*)::int as n from logs')
    if ((rows[0]?.n ?? 0) >= count) return performance.now()
    if (performance.now() > deadline) throw new Error(`no ${count} rows within a minute`)
    signal.throwIfAborted()
    await sleep(2)
  }
}

async function measureSingles(bench: Bench, topic: string): Promise<Small['singleMs']> {
  const random = new Random(3)
  const ages: number[] = []
  for (let single = 1; single <= SINGLES; single++) {
    await sleep(100 + random.below(200)) // not in step with whatever the worker does at intervals
    const sentMs = performance.now()
    await bench.producer.send(topic, [{ value: benchLog(random, single) }])
    ages.push((await rowsReach(bench, 10 + single)) - sentMs)
  }
  const sorted = ages.sort((a, b) => a - b)
  return { p50: percentile(sorted, 0.5) ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, logs: SINGLES }
}

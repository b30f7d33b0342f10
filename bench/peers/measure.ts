/** One peer over one topic: undisturbed, and with a SIGKILL at half. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { treeCpuSeconds, treeRssMb } from '../../src/bench/process-usage.ts'
import type { BenchStage } from '../../src/commands/bench-stage.ts'
import { passwordOf } from '../../src/commands/bench-world.ts'
import type { Peer, Place } from './peer.ts'
import type { KillOutcome, PeerFigure } from './table.ts'

export interface Arena {
  readonly stage: BenchStage
  readonly signal: AbortSignal
  /** Nothing new for so long means that nothing comes any more. @default SILENCE_MS, and START_MS more before a first row */
  readonly silenceMs?: number
}

export interface Course {
  readonly topic: string
  readonly rows: number
}

const POLL_MS = 100
/** Longer than a killed member stays in its group, and a start. */
const SILENCE_MS = 60_000
/** As long again for a start on a busy machine, until the first row. */
const START_MS = 120_000
/** So long without growth before rows are counted. */
const STILL_MS = 1_000

export async function measurePeer(arena: Arena, peer: Peer, course: Course): Promise<PeerFigure> {
  const { stage } = arena
  await emptyTable(arena)
  const running = await startPeer(arena, peer, course, 'steady')
  try {
    const half = Math.floor(course.rows / 2)
    const first = await whenRows(arena, running, half)
    const before = usage(stage, running.child)
    const last = await untilAllCame(arena, running, course.rows)
    const rows = last.found.rows - first
    const perMillion = (of: 'cpu' | 'postgres'): number | null => {
      const [from, to] = [before[of], last.usage[of]]
      return from === null || to === null ? null : ((to - from) / rows) * 1e6
    }
    return {
      rows: course.rows,
      rowsPerSecond: await rateFromHalf(stage.database),
      cpuSecondsPerMillion: perMillion('cpu'),
      postgresCpuSecondsPerMillion: perMillion('postgres'),
      peakRssMb: last.usage.rssMb,
    }
  } finally {
    await stop(running.child)
  }
}

export async function killPeer(arena: Arena, peer: Peer, course: Course): Promise<KillOutcome> {
  await emptyTable(arena)
  const first = await startPeer(arena, peer, course, 'killed')
  let killedAt: number
  try {
    killedAt = await whenRows(arena, first, Math.floor(course.rows / 2))
  } finally {
    await kill(first.child)
  }
  const second = await startPeer(arena, peer, course, 'killed')
  try {
    const { found } = await untilAllCame(arena, second, course.rows)
    return { rows: course.rows, killedAt, lost: course.rows - found.distinct, twice: found.rows - found.distinct }
  } finally {
    await stop(second.child)
  }
}

interface Running {
  readonly name: string
  readonly child: ChildProcess
  readonly logFile: string
}

async function emptyTable({ stage, signal }: Arena): Promise<void> {
  signal.throwIfAborted()
  await stage.database.query('truncate logs, log_aggregates, ingest_dead_letter')
  await stage.database.query('checkpoint').catch(() => undefined)
}

/** `run` tells the runs of a peer apart; a second start of the same one goes on where the first stood. */
async function startPeer({ stage, signal }: Arena, peer: Peer, course: Course, run: string): Promise<Running> {
  signal.throwIfAborted()
  const group = `${course.topic}-${peer.name.replace(/[^A-Za-z0-9]+/g, '-')}-${run}`
  const folder = join(stage.folder, group)
  await mkdir(folder, { recursive: true })
  const { host, port, user, database: name } = stage.access
  const password = await passwordOf(stage.access)
  const database = { host, port, user, password, database: name, schema: stage.schema }
  const place: Place = { broker: stage.cluster.brokers.join(','), topic: course.topic, group, database, folder }
  const { command, args, env = {} } = await peer.start(place)
  const logFile = join(folder, 'log')
  const log = openSync(logFile, 'a')
  // A group of its own, so that a kill reaches whatever it starts.
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  const end = (): void => signalGroup(child, 'SIGKILL')
  process.once('exit', end)
  signal.addEventListener('abort', end, { once: true })
  child.once('exit', () => process.removeListener('exit', end))
  child.once('error', () => undefined) // told as an end without rows
  return { name: peer.name, child, logFile }
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || ended(child)) return
  try {
    process.kill(-child.pid, name)
  } catch {
    // It ended meanwhile.
  }
}

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.pid !== undefined && !ended(child)) await new Promise((done) => child.once('exit', done))
}

async function kill(child: ChildProcess): Promise<void> {
  signalGroup(child, 'SIGKILL')
  await exitOf(child)
}

async function stop(child: ChildProcess): Promise<void> {
  signalGroup(child, 'SIGTERM')
  const patience = setTimeout(() => signalGroup(child, 'SIGKILL'), 10_000)
  await exitOf(child)
  clearTimeout(patience)
}

function usage({ postmaster }: BenchStage, { pid = 0 }: ChildProcess) {
  return {
    cpu: treeCpuSeconds(pid),
    postgres: postmaster === null ? null : treeCpuSeconds(postmaster),
    rssMb: treeRssMb(pid, 'VmHWM'),
  }
}

function stillRuns({ name, child, logFile }: Running): void {
  if (child.pid !== undefined && !ended(child)) return
  throw new Error(`${name} ended by itself: ${readFileSync(logFile, 'utf8').trim().slice(-600)}`)
}

/** Answers how many rows there were when it saw enough of them. */
async function whenRows({ stage, signal }: Arena, running: Running, enough: number): Promise<number> {
  const deadline = performance.now() + 180_000
  for (;;) {
    const { rows } = await stage.database.query<{ n: number }>('select count(*)::int as n from logs')
    const n = rows[0]?.n ?? 0
    if (n >= enough) return n
    signal.throwIfAborted()
    stillRuns(running)
    if (performance.now() > deadline) {
      throw new Error(
        `${running.name} stored ${n} rows in three minutes: ${readFileSync(running.logFile, 'utf8').slice(-600)}`,
      )
    }
    await sleep(POLL_MS)
  }
}

interface Found {
  readonly rows: number
  readonly distinct: number
}

const NONE: Found = { rows: 0, distinct: 0 }

/**
 * Watches the table's size, which costs nothing, and counts when it stands still. The usage is as of the last growth, so that neither
 * the count nor the wait is in it.
 */
async function untilAllCame(
  { stage, signal, silenceMs }: Arena,
  running: Running,
  rows: number,
): Promise<{ found: Found; usage: ReturnType<typeof usage> }> {
  const { database } = stage
  const sizeBefore = await sizeOf(database)
  let [size, grownMs, used] = [sizeBefore, performance.now(), usage(stage, running.child)]
  let [countedSize, found] = [-1, NONE]
  for (;;) {
    const now = await sizeOf(database)
    if (now !== size) [size, grownMs, used] = [now, performance.now(), usage(stage, running.child)]
    const stillMs = performance.now() - grownMs
    if (stillMs > STILL_MS && countedSize !== size) [countedSize, found] = [size, await countLogs(database)]
    if (stillMs > STILL_MS && found.distinct >= rows) return { found, usage: used }
    const patienceMs = silenceMs ?? (size === sizeBefore ? START_MS + SILENCE_MS : SILENCE_MS)
    if (stillMs > patienceMs) return { found: await countLogs(database), usage: used }
    signal.throwIfAborted()
    stillRuns(running)
    await sleep(POLL_MS)
  }
}

async function sizeOf(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ size: string }>(`select pg_relation_size('logs') as size`)
  return Number(rows[0]?.size ?? 0)
}

/** Every message of the benchmark's logs is unlike all others. */
async function countLogs(database: pg.Client): Promise<Found> {
  const { rows } = await database.query<Found>(
    'select count(*)::int as rows, count(distinct message)::int as distinct from logs',
  )
  return rows[0] ?? NONE
}

/** Rows a second from the moment when half was there to the last transaction's start. */
async function rateFromHalf(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ n: number; seconds: number }>(`
    select count(*) filter (where ingested_at >= first and ingested_at < last)::int as n,
           extract(epoch from last - first)::float8 as seconds
      from logs,
           (select percentile_disc(0.5) within group (order by ingested_at) as first, max(ingested_at) as last from logs) ends
     group by first, last`)
  const { n, seconds } = rows[0] ?? { n: 0, seconds: Number.NaN }
  return n / seconds
}

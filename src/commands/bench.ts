/**
 * `bench`: the figures of this machine. What psql's own COPY reaches into the same table is the limit; beside it the parts of the line
 * and the whole service, what one log costs in each stage, what each promise costs, latencies, and sweeps over what may grow.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Costs } from '../bench/costs.ts'
import { type CpuProfile, hotspots, within } from '../bench/cpu-profile.ts'
import { ratioOf } from '../bench/goals.ts'
import { page, terminalText } from '../bench/page.ts'
import { NO_FIGURES, type Report } from '../bench/report.ts'
import type { Stage, StageFigure } from '../bench/stages.ts'
import { SWEEPS, type SweepName } from '../bench/sweeps.ts'
import { ProcessorError } from '../errors.ts'
import { measureLatency, measureSmall } from './bench-latency.ts'
import { runPart } from './bench-part.ts'
import { measureParts, psqlMissing } from './bench-parts.ts'
import { serviceRun } from './bench-service.ts'
import { type BenchStage, openBenchStage } from './bench-stage.ts'
import { measureSweep } from './bench-sweeps.ts'
import { type Bench, emptyTables, fill, PARTITIONS, partOf } from './bench-world.ts'
import { onFirstSignal } from './stop-signals.ts'

export interface BenchOptions {
  readonly rows: number
  readonly rounds: number
  /** Nothing but these sweeps; true: all of them. */
  readonly sweep?: readonly string[] | true | undefined
  readonly sweepRows: number
  readonly ageSeconds: number
  readonly ageRate: number
  /** Nothing but a CPU profile of the whole service, to this file. */
  readonly profile?: string | undefined
  readonly write?: true | undefined
  readonly json?: true | undefined
  /** What the broker of KAFKA_BROKER is called in the report. */
  readonly brokerName?: string | undefined
  /** Used by the command itself: one part in a process of its own. */
  readonly part?: string | undefined
  readonly postmaster?: number | undefined
}

/** As shells have it: 128 + SIGINT. */
const INTERRUPTED = 130
/** Time enough to remove what was made; a second signal ends the process at once. */
const UNHINDERED_MS = 15_000

export async function run(options: BenchOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { part, rows, postmaster } = options
  if (part !== undefined) return runPart(part, { rows, postmaster: postmaster ?? null }, env)
  const sweeps = sweepsOf(options)
  const closers: (() => Promise<unknown>)[] = []
  const stop = new AbortController()
  const interrupted = Promise.withResolvers<number>()
  const ignoreSignals = onFirstSignal(() => {
    stop.abort()
    interrupted.resolve(INTERRUPTED)
  })
  try {
    const work = openBenchStage(env, closers).then((stage) => carryOut(stage, { options, sweeps, stop }))
    work.catch(() => undefined) // told where it is awaited, if it still matters
    return await Promise.race([work, interrupted.promise])
  } finally {
    stop.abort()
    const closed = closeAll(closers)
    await Promise.race([closed, new Promise((done) => setTimeout(done, UNHINDERED_MS).unref())])
    ignoreSignals()
  }
}

async function closeAll(closers: (() => Promise<unknown>)[]): Promise<void> {
  for (const close of closers.reverse()) {
    await close().catch((error: unknown) => void process.stderr.write(`left behind: ${String(error)}\n`))
  }
}

/** Throws INPUT for a sweep that does not exist. */
export function sweepsOf({ sweep, write }: Pick<BenchOptions, 'sweep' | 'write'>): readonly SweepName[] {
  if (sweep === undefined) return write === true ? SWEEPS : []
  if (sweep === true) return SWEEPS
  return sweep.map((name) => {
    const known = SWEEPS.find((each) => each === name)
    if (known !== undefined) return known
    throw new ProcessorError('INPUT', `--sweep ${name}: expected some of ${SWEEPS.join(', ')}`)
  })
}

interface Order {
  readonly options: BenchOptions
  readonly sweeps: readonly SweepName[]
  readonly stop: AbortController
}

async function carryOut(stage: BenchStage, { options, sweeps, stop }: Order): Promise<number> {
  const { rows, rounds } = options
  const tell = (text: string): void => void process.stderr.write(`${text}\n`)
  const bench: Bench = { ...stage, rows, rounds, signal: stop.signal, tell }
  if (options.profile !== undefined) return writeProfile(bench, options.profile)
  const report = await measure(bench, options, sweeps)
  process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : terminalText(report))
  if (options.write === true) writeFileSync('docs/benchmarks.md', page(report))
  return 0
}

async function measure(bench: Bench, options: BenchOptions, sweeps: readonly SweepName[]): Promise<Report> {
  const onlySweeps = options.sweep !== undefined
  const notes: string[] = []
  if (bench.postmaster === null) notes.push('PostgreSQL runs on another machine, so its CPU is not known')
  const missing = psqlMissing()
  if (missing !== null && !onlySweeps) notes.push(missing)
  const parts = onlySweeps ? null : await measureAllParts(bench, options)
  if (parts !== null && parts.latency === null) {
    notes.push(
      'the server does not keep commit times (track_commit_timestamp), so latency at a steady rate is not known',
    )
  }
  const swept: Report['sweeps'][number][] = []
  for (const name of sweeps) swept.push(await measureSweep(bench, name, options.sweepRows))
  return {
    machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    postgres: bench.postgresName,
    broker: options.brokerName ?? bench.brokerName,
    rows: options.rows,
    rounds: options.rounds,
    ...(parts ?? NO_PARTS),
    sweeps: swept,
    notes,
  }
}

type Parts = Pick<Report, 'all' | 'stages' | 'costs' | 'hotspots' | 'latency' | 'small'>

const NO_PARTS: Parts = {
  all: NO_FIGURES,
  stages: null,
  costs: null,
  hotspots: null,
  latency: null,
  small: null,
}

function measureAllParts(bench: Bench, options: BenchOptions): Promise<Parts> {
  return bench.withTopic({ name: 'logs', partitions: PARTITIONS }, async (topic) => {
    await fill(bench, { producer: bench.producer, topic, rows: bench.rows })
    const all = await measureParts(bench, topic)
    const stages = await partOf<Record<Stage, StageFigure>>(bench, 'stages', { name: 'stages', topic })
    await emptyTables(bench)
    const costs = await partOf<Costs>(bench, 'costs', { name: 'costs', topic })
    bench.tell(`service to psql: ${ratioOf({ all }, 'service', 'psql-text')?.toFixed(2) ?? 'not known'}`)
    await emptyTables(bench)
    const profile = await profiled(bench, topic)
    const latency = await measureLatency(bench, options.ageRate, options.ageSeconds)
    const small = await measureSmall(bench)
    return { all, stages, costs, hotspots: hotspots(profile), latency, small }
  })
}

/** A CPU profile of one worker over `rows` logs, in V8's own format. */
function writeProfile(bench: Bench, file: string): Promise<number> {
  if (!file.endsWith('.cpuprofile')) {
    throw new ProcessorError('INPUT', `--profile ${file}: expected a name that ends in .cpuprofile`)
  }
  return bench.withTopic({ name: 'profile', partitions: PARTITIONS }, async (topic) => {
    await fill(bench, { producer: bench.producer, topic, rows: bench.rows })
    writeFileSync(file, JSON.stringify(await profiled(bench, topic)))
    process.stdout.write(`${file}\n`)
    return 0
  })
}

/** Of the same part of a run that the figures are of. */
async function profiled(bench: Bench, topic: string): Promise<CpuProfile> {
  const execArgv = ['--cpu-prof', `--cpu-prof-dir=${bench.folder}`]
  const { fromUs, toUs } = await serviceRun(bench, { name: 'profile', topic, rows: bench.rows, execArgv })
  const made = readdirSync(bench.folder).find((name) => name.endsWith('.cpuprofile'))
  if (made === undefined) throw new Error('Node wrote no profile')
  const profile: CpuProfile = JSON.parse(readFileSync(join(bench.folder, made), 'utf8'))
  return within(profile, fromUs, toUs)
}

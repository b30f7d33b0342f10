/** The measures of one run of `bench`, one after another, as they were chosen. */
import { readdirSync, readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Costs } from '../bench/costs.ts'
import { type CpuProfile, hotspots, within } from '../bench/cpu-profile.ts'
import { ratioOf } from '../bench/goals.ts'
import type { WorldNames } from '../bench/page.ts'
import { MEASURES, type Measure, NO_FIGURES, type Report } from '../bench/report.ts'
import type { Stage, StageFigure } from '../bench/stages.ts'
import { SWEEPS, type SweepName } from '../bench/sweeps.ts'
import { ProcessorError } from '../errors.ts'
import { measureDrain } from './bench-drain.ts'
import { measureLatency, measureSmall } from './bench-latency.ts'
import { measureParts, psqlMissing } from './bench-parts.ts'
import { serviceRun } from './bench-service.ts'
import { measureSweep } from './bench-sweeps.ts'
import { type Bench, emptyTables, fill, PARTITIONS, partOf } from './bench-world.ts'

export interface Order {
  readonly only?: readonly string[] | undefined
  /** Nothing but these sweeps; true: all of them. */
  readonly sweep?: readonly string[] | true | undefined
  readonly write?: true | undefined
}

export interface Sizes {
  readonly sweepRows: number
  readonly sweepTo?: number | undefined
  readonly ageSeconds: number
  readonly ageRate: number
  readonly drainRows: number
}

export interface Chosen {
  readonly measures: readonly Measure[]
  readonly sweeps: readonly SweepName[]
}

/** Everything by default, but sweeps only for the page; what is named, otherwise. Throws INPUT for what does not exist. */
export function chosen({ only, sweep, write }: Order): Chosen {
  const whole = only === undefined && sweep === undefined
  const measures = whole ? MEASURES : (only ?? []).map((name) => known('--only', name, MEASURES))
  if (sweep === true || (whole && write === true)) return { measures, sweeps: SWEEPS }
  return { measures, sweeps: (sweep ?? []).map((name) => known('--sweep', name, SWEEPS)) }
}

function known<T extends string>(option: string, name: string, all: readonly T[]): T {
  const found = all.find((each) => each === name)
  if (found !== undefined) return found
  throw new ProcessorError('INPUT', `${option} ${name}: expected some of ${all.join(', ')}`)
}

export function worldOf(bench: Bench, brokerName: string | undefined): WorldNames {
  return {
    machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.versions.node,
    postgres: bench.postgresName,
    broker: brokerName ?? bench.brokerName,
  }
}

export async function measure(
  bench: Bench,
  { measures, sweeps }: Chosen,
  sizes: Sizes,
): Promise<Omit<Report, keyof WorldNames>> {
  const notes: string[] = []
  if (bench.postmaster === null) notes.push('PostgreSQL runs on another machine, so its CPU is not known')
  const missing = psqlMissing()
  if (missing !== null && measures.includes('parts')) notes.push(missing)
  const ofTopic = await measureTopic(bench, measures)
  const latency = measures.includes('age') ? await measureLatency(bench, sizes.ageRate, sizes.ageSeconds) : null
  if (measures.includes('age') && latency === null) {
    notes.push(
      'the server does not keep commit times (track_commit_timestamp), so latency at a steady rate is not known',
    )
  }
  const small = measures.includes('small') ? await measureSmall(bench) : null
  const drain = measures.includes('drain') ? await measureDrain(bench, sizes.drainRows, sizes.ageRate) : null
  const swept: Report['sweeps'][number][] = []
  for (const name of sweeps) {
    swept.push(await measureSweep(bench, name, { rows: sizes.sweepRows, to: sizes.sweepTo ?? null }))
  }
  return { rows: bench.rows, rounds: bench.rounds, ...ofTopic, latency, small, drain, sweeps: swept, notes }
}

type OfTopic = Pick<Report, 'all' | 'stages' | 'costs' | 'hotspots'>

/** What is measured over one and the same topic. */
async function measureTopic(bench: Bench, measures: readonly Measure[]): Promise<OfTopic> {
  const nothing: OfTopic = { all: NO_FIGURES, stages: null, costs: null, hotspots: null }
  const asked = (name: Measure): boolean => measures.includes(name)
  if (!(['parts', 'stages', 'costs', 'cpu'] as const).some(asked)) return nothing
  return bench.withTopic({ name: 'logs', partitions: PARTITIONS }, async (topic) => {
    await fill(bench, { producer: bench.producer, topic, rows: bench.rows })
    const all = asked('parts') ? await measureParts(bench, topic) : NO_FIGURES
    const task = (name: string) => ({ name, topic })
    const stages = asked('stages') ? await partOf<Record<Stage, StageFigure>>(bench, 'stages', task('stages')) : null
    await emptyTables(bench)
    const costs = asked('costs') ? await partOf<Costs>(bench, 'costs', task('costs')) : null
    if (asked('parts')) {
      bench.tell(`service to psql: ${ratioOf({ all }, 'service', 'psql-text')?.toFixed(2) ?? 'not known'}`)
    }
    await emptyTables(bench)
    return { all, stages, costs, hotspots: asked('cpu') ? hotspots(await profiled(bench, topic)) : null }
  })
}

/** A CPU profile of one worker over `rows` logs, in V8's own format. */
export function profileOf(bench: Bench): Promise<CpuProfile> {
  return bench.withTopic({ name: 'profile', partitions: PARTITIONS }, async (topic) => {
    await fill(bench, { producer: bench.producer, topic, rows: bench.rows })
    return profiled(bench, topic)
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

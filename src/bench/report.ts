/** Everything one run of the benchmark found. What could not be had on a machine is null or missing, and `notes` says why. */
import type { Costs } from './costs.ts'
import type { Hotspots } from './cpu-profile.ts'
import type { Figure } from './figures.ts'
import type { Stage, StageFigure } from './stages.ts'
import type { SweepResult } from './sweeps.ts'

export const PARTS = [
  'psql-text',
  'psql-text-2',
  'psql-binary',
  'psql-binary-2',
  'sink-1',
  'sink-2',
  'source',
  'service',
] as const
export type Part = (typeof PARTS)[number]

/** What can be measured beside sweeps; all of it where nothing is chosen. */
export const MEASURES = ['parts', 'stages', 'costs', 'cpu', 'age', 'small', 'drain'] as const
export type Measure = (typeof MEASURES)[number]

export interface Latency {
  readonly rate: number
  readonly seconds: number
  readonly logs: number
  /** From the producer's send to the commit, in ms. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  /** Of the producer's requests alone, from send to Kafka's answer, in ms: what no worker can be faster than. */
  readonly sendP50: number
  readonly sendP99: number
  /** Of one core. */
  readonly workerCpuShare: number | null
}

export interface Small {
  readonly idleCpuShare: number | null
  readonly idleRssMb: number | null
  /** From the start of the process to the first row that can be seen, in ms. */
  readonly firstRowMs: number
  /** From send to visible of logs sent one at a time, in ms. */
  readonly singleMs: { readonly p50: number; readonly max: number; readonly logs: number }
}

/** A backlog worked off while more arrives. */
export interface Drain {
  readonly backlog: number
  /** Logs a second that arrived meanwhile, behind the backlog. */
  readonly arriving: number
  /** Rows a second from the first commit until the backlog's last log. */
  readonly rowsPerSecond: number
  /** Of the slowest tenth of it, the first one (V8's start) left out. */
  readonly slowestTenth: number
  /** Rows a second of a short backlog without arrivals, mean of a run before and one after. */
  readonly steadyRowsPerSecond: number
  /** From the start of the drain until nothing was behind any more, in seconds. */
  readonly caughtUpSeconds: number
  readonly cpuSecondsPerMillion: number | null
  readonly peakRssMb: number | null
}

export interface Report {
  readonly machine: string
  readonly node: string
  readonly postgres: string
  readonly broker: string
  readonly rows: number
  readonly rounds: number
  /** In the order of the rounds. */
  readonly all: Readonly<Record<Part, readonly Figure[]>>
  readonly stages: Readonly<Record<Stage, StageFigure>> | null
  readonly costs: Costs | null
  readonly hotspots: Hotspots | null
  readonly latency: Latency | null
  readonly small: Small | null
  readonly drain: Drain | null
  readonly sweeps: readonly SweepResult[]
  readonly notes: readonly string[]
}

export const NO_FIGURES: Report['all'] = {
  'psql-text': [],
  'psql-text-2': [],
  'psql-binary': [],
  'psql-binary-2': [],
  'sink-1': [],
  'sink-2': [],
  source: [],
  service: [],
}

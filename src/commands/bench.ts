/**
 * `bench`: the figures of this machine. What psql's own COPY reaches into the same table is the limit; beside it the parts of the line
 * and the whole service, what one log costs in each stage, what each promise costs, latencies, and sweeps over what may grow.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { page, terminalText } from '../bench/page.ts'
import { mergedPage, sameWorld } from '../bench/page-merge.ts'
import type { Report } from '../bench/report.ts'
import { ProcessorError } from '../errors.ts'
import { type Chosen, chosen, measure, type Order, profileOf, type Sizes, worldOf } from './bench-measure.ts'
import { runPart } from './bench-part.ts'
import { type BenchStage, openBenchStage } from './bench-stage.ts'
import type { Bench } from './bench-world.ts'
import { onFirstSignal } from './stop-signals.ts'

export interface BenchOptions extends Order, Sizes {
  readonly rows: number
  readonly rounds: number
  /** Nothing but a CPU profile of the whole service, to this file. */
  readonly profile?: string | undefined
  readonly json?: true | undefined
  /** What the broker of KAFKA_BROKER is called in the report. */
  readonly brokerName?: string | undefined
  /** Used by the command itself: one part in a process of its own. */
  readonly part?: string | undefined
  readonly postmaster?: number | undefined
}

const PAGE = 'docs/benchmarks.md'

/** As shells have it: 128 + SIGINT. */
const INTERRUPTED = 130
/** Time enough to remove what was made; a second signal ends the process at once. */
const UNHINDERED_MS = 15_000

export async function run(options: BenchOptions, env: NodeJS.ProcessEnv): Promise<number> {
  const { part, rows, postmaster } = options
  if (part !== undefined) return runPart(part, { rows, postmaster: postmaster ?? null }, env)
  const what = chosen(options)
  if (options.profile !== undefined) checkProfileName(options.profile)
  const closers: (() => Promise<unknown>)[] = []
  const stop = new AbortController()
  const interrupted = Promise.withResolvers<number>()
  const ignoreSignals = onFirstSignal(() => {
    stop.abort()
    interrupted.resolve(INTERRUPTED)
  })
  try {
    const work = openBenchStage(env, closers).then((stage) => carryOut(stage, { options, what, stop }))
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

interface Task {
  readonly options: BenchOptions
  readonly what: Chosen
  readonly stop: AbortController
}

async function carryOut(stage: BenchStage, { options, what, stop }: Task): Promise<number> {
  const { rows, rounds } = options
  const tell = (text: string): void => void process.stderr.write(`${text}\n`)
  const bench: Bench = { ...stage, rows, rounds, signal: stop.signal, tell }
  if (options.profile !== undefined) {
    writeFileSync(options.profile, JSON.stringify(await profileOf(bench)))
    process.stdout.write(`${options.profile}\n`)
    return 0
  }
  const world = worldOf(bench, options.brokerName)
  // Known before an hour of measuring is over.
  const old = options.write === true ? pageToKeep(options) : null
  if (old !== null && !sameWorld(old, world)) {
    throw new ProcessorError('INPUT', `${PAGE} is of another machine or other versions: write the whole of it`)
  }
  const report: Report = { ...world, ...(await measure(bench, what, options)) }
  process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : terminalText(report))
  if (options.write === true) writeFileSync(PAGE, old === null ? page(report) : mergedPage(old, page(report)))
  return 0
}

/** Of a run that measures only some of it, what the page says of the rest. */
function pageToKeep({ only, sweep }: Order): string | null {
  const whole = only === undefined && sweep === undefined
  return whole || !existsSync(PAGE) ? null : readFileSync(PAGE, 'utf8')
}

function checkProfileName(file: string): void {
  if (file.endsWith('.cpuprofile')) return
  throw new ProcessorError('INPUT', `--profile ${file}: expected a name that ends in .cpuprofile`)
}

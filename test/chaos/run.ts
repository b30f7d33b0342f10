/**
 * `npm run chaos`: real brokers, a real database with a standby, real workers, and harm for some minutes; then everything heals,
 * drains, and the judge looks at each log.
 *
 *   npm run chaos -- --recovery --write      one harm at a time, how long each is felt: docs/recovery.md
 *   npm run chaos -- --minutes 5 --seed 7 [--rate 3000] [--workers 3] [--density 4] ...    --help tells all
 *
 * Each run adds a line to the tally (.chaos/runs.jsonl); the totals over all of them are printed at the end. Exit 1 unless nothing
 * was lost, doubled or altered; 2, or 128 and the signal, where the run came to no verdict.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { minutes, positive } from '../../src/commands/number-arguments.ts'
import { counted } from '../../src/commands/printable.ts'
import { systemBinaries } from '../../src/postgres/server-binaries.ts'
import { KAFKA_VERSION } from '../support/real-kafka.ts'
import { attend, concluded, isAttended } from './attended.ts'
import { chaos, isClean, type Outcome, type Run, say } from './chaos.ts'
import { type Fault, TARGETS } from './fault.ts'
import { FAULTS, faultsNamed } from './faults.ts'
import { recovery } from './recovery.ts'
import { isWithin, recoveryPage, recoveryTable } from './recovery-page.ts'
import { addRun, readRuns } from './tally.ts'

const runs = resolve(import.meta.dirname, '../../.chaos/runs.jsonl')

function quantile(values: readonly number[], share: number): string {
  const sorted = [...values].sort((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  if (value === undefined) return '-'
  return Number.isFinite(value) ? `${(value / 1000).toFixed(1)} s` : 'never'
}

function tell(title: string, runs: readonly Run[]): void {
  const faults = runs.flatMap((run) => run.faults)
  const total = (of: (run: Run) => number): number => runs.reduce((sum, run) => sum + of(run), 0)
  say(
    `\n${title}: ${total((run) => run.records)} messages, ${counted(faults.length, 'fault')} of ${counted(new Set(faults.map(({ name }) => name)).size, 'kind')}; lost ${total((run) => run.lost)}, duplicated ${total((run) => run.duplicated)}, altered ${total((run) => run.altered)}; peak RSS ${Math.max(...runs.map((run) => run.peakRssMb))} MB`,
  )
  for (const name of [...new Set(faults.map((fault) => fault.name))].sort()) {
    const these = faults.filter((fault) => fault.name === name)
    const alone = these.filter(({ beside }) => beside !== true)
    const times = alone.map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY)
    say(
      `  ${String(these[0]?.number).padEnd(4)} ${name.padEnd(60)} ${String(these.length).padStart(4)} times, ${String(alone.length).padStart(4)} of them alone: recovery p50 ${quantile(times, 0.5)}, p95 ${quantile(times, 0.95)}`,
    )
  }
}

/** More would be turned away: each target bears only so many. */
const DENSITY_MAX = Object.values(TARGETS).reduce((sum, count) => sum + count, 0)

function density(text: string): number {
  const value = positive(text)
  if (value > DENSITY_MAX) throw new InvalidArgumentError(`at most ${DENSITY_MAX}`)
  return value
}

function named(text: string): readonly Fault[] {
  const found = faultsNamed(text.split(',').filter((each) => each !== ''))
  if (found.length === 0) throw new InvalidArgumentError('no fault of that number or name; --help lists them')
  return found
}

const program = new Command('npm run chaos --')
  .description('Real brokers, a real database with a standby, real workers, and harm; then each log is looked for.')
  .option('--minutes <n>', 'how long harm is done', minutes, 5)
  .option('--seed <n>', 'of the choice of faults; every third has three brokers, every second PgBouncer', positive)
  .option('--rate <n>', 'logs a second', positive, 3_000)
  .option('--workers <n>', 'how many', positive, 3)
  .addOption(new Option('--brokers <n>', '1 or 3; by default the seed says').choices(['1', '3'] as const))
  .option('--density <n>', 'up to so many faults at once, at most 5', density, 1)
  .option('--faults <list>', 'only these, by number or a part of their name: F7,F3', named)
  .option('--once', 'each fault once, in order, instead of minutes of chance', false)
  .option('--recovery', 'one harm at a time, and how long each is felt, in a table', false)
  .option('--write', 'with --recovery: docs/recovery.md', false)
  .option('--tally <file>', 'where each run adds its line', runs)
  .addHelpText('after', `\nFaults:\n${FAULTS.map(({ number, name }) => `  ${number.padEnd(4)} ${name}`).join('\n')}`)
const given = process.argv.slice(2).filter((each) => each !== '--')
program.parse(given, { from: 'user' })
const values = program.opts()
const seed = values.seed ?? 1 + (Date.now() % 100_000)
if (!isAttended) process.exit(await attend(import.meta.filename, [...given, '--seed', String(seed)]))
const code = await (values.recovery ? recover() : harm())
await concluded(code)
process.exit(code)

/** Harm at random, or each once; exit code. */
async function harm(): Promise<number> {
  const run = await chaos({
    seed,
    minutes: values.minutes,
    rate: values.rate,
    workers: values.workers,
    partitions: 4,
    brokers: values.brokers === undefined ? (seed % 3 === 0 ? 3 : 1) : values.brokers === '3' ? 3 : 1,
    pooled: seed % 2 === 1,
    standby: true,
    faults: values.faults ?? FAULTS,
    once: values.once,
    density: values.density,
  })
  tell('this run', [run])
  addRun(values.tally, run)
  const all = readRuns(values.tally)
  if (all.length > 1) tell(`all ${all.length} runs of ${values.tally}`, all)
  return verdict(run)
}

/** How long each harm is felt; exit code: 1 also where a goal is missed. */
async function recover(): Promise<number> {
  const { measured, outcome } = await recovery(seed)
  const { stdout } = await promisify(execFile)(join(systemBinaries() ?? '', 'postgres'), ['--version'])
  const postgres = /[\d.]+/.exec(stdout)?.[0] ?? 'unknown'
  const page = recoveryPage(measured, outcome, { node: process.versions.node, postgres, kafka: KAFKA_VERSION })
  if (values.write) writeFileSync(resolve(import.meta.dirname, '../../docs/recovery.md'), page)
  say(`\n${recoveryTable(measured)}\n${values.write ? '\nwritten: docs/recovery.md' : ''}`)
  const missed = measured.filter((each) => !isWithin(each)).length
  const clean = verdict(outcome)
  if (missed > 0) say(`✗ goals missed: ${missed} of ${measured.length}`)
  return Math.max(clean, missed === 0 ? 0 : 1)
}

function verdict(outcome: Outcome): number {
  const clean = isClean(outcome)
  say(
    clean
      ? '✓ every log is there once, and as it would be without faults'
      : `✗ not as it should be; the same again: --seed ${outcome.seed}`,
  )
  return clean ? 0 : 1
}

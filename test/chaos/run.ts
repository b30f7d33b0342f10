/**
 * `npm run chaos`: real brokers, a real database with a standby, real workers, and harm for some minutes; then everything heals,
 * drains, and the judge looks at each log.
 *
 *   npm run chaos -- --minutes 5 --seed 7 [--rate 3000] [--workers 3] [--density 4] ...    --help tells all
 *
 * Each run adds a line to the tally (.chaos/runs.jsonl); the totals over all of them are printed at the end. Exit 1 unless nothing
 * was lost, doubled or altered.
 */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { positive } from '../../src/commands/number-arguments.ts'
import { chaos, type Run, say } from './chaos.ts'
import { type Fault, TARGETS } from './fault.ts'
import { FAULTS, faultsNamed } from './faults.ts'
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
    `\n${title}: ${total((run) => run.records)} messages, ${faults.length} faults of ${new Set(faults.map(({ name }) => name)).size} kinds; lost ${total((run) => run.lost)}, duplicated ${total((run) => run.duplicated)}, altered ${total((run) => run.altered)}; peak RSS ${Math.max(...runs.map((run) => run.peakRssMb))} MB`,
  )
  for (const name of [...new Set(faults.map((fault) => fault.name))].sort()) {
    const these = faults.filter((fault) => fault.name === name)
    const alone = these.filter(({ beside }) => beside !== true)
    const times = alone.map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY)
    say(
      `  ${String(these[0]?.number).padEnd(4)} ${name.padEnd(52)} ${String(these.length).padStart(4)} times, ${String(alone.length).padStart(4)} of them alone: recovery p50 ${quantile(times, 0.5)}, p95 ${quantile(times, 0.95)}`,
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
  .option('--minutes <n>', 'how long harm is done', positive, 5)
  .option('--seed <n>', 'of the choice of faults; every third has three brokers, every second PgBouncer', positive)
  .option('--rate <n>', 'logs a second', positive, 3_000)
  .option('--workers <n>', 'how many', positive, 3)
  .addOption(new Option('--brokers <n>', '1 or 3; by default the seed says').choices(['1', '3'] as const))
  .option('--density <n>', 'up to so many faults at once, at most 5', density, 1)
  .option('--faults <list>', 'only these, by number or a part of their name: F7,F3', named)
  .option('--once', 'each fault once, in order, instead of minutes of chance', false)
  .option('--tally <file>', 'where each run adds its line', runs)
  .addHelpText('after', `\nFaults:\n${FAULTS.map(({ number, name }) => `  ${number.padEnd(4)} ${name}`).join('\n')}`)
program.parse(process.argv.filter((each) => each !== '--'))
const values = program.opts()
const seed = values.seed ?? 1 + (Date.now() % 100_000)
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
const isClean = run.lost + run.duplicated + run.altered + run.surprises === 0 && run.differences.length === 0
say(
  isClean
    ? '✓ every log is there once, and as it would be without faults'
    : `✗ not as it should be; the same again: --seed ${run.seed}`,
)
process.exit(isClean ? 0 : 1)

/**
 * `npm run chaos`: real brokers, a real database with a standby, real workers, and harm for some minutes; then everything heals,
 * drains, and the judge looks at each log.
 *
 *   npm run chaos -- --minutes 5 --seed 7 [--rate 3000] [--workers 3] [--brokers 1|3] [--faults F7,F3] [--once] [--tally FILE]
 *
 * Each run adds a line to the tally (.chaos/runs.jsonl); the totals over all of them are printed at the end. Exit 1 unless nothing
 * was lost, doubled or altered.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { chaos, type Run, say } from './chaos.ts'
import { faultsNamed } from './nemesis.ts'
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
    const times = these.map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY)
    say(
      `  ${String(these[0]?.number).padEnd(4)} ${name.padEnd(52)} ${String(these.length).padStart(4)} times, recovery p50 ${quantile(times, 0.5)}, p95 ${quantile(times, 0.95)}`,
    )
  }
}

function whole(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`--${name} ${text}: a whole number is expected`)
  return value
}

const { values } = parseArgs({
  args: process.argv.slice(2).filter((each) => each !== '--'),
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(1 + (Date.now() % 100_000)) },
    rate: { type: 'string', default: '3000' },
    workers: { type: 'string', default: '3' },
    brokers: { type: 'string' },
    faults: { type: 'string', default: '' },
    once: { type: 'boolean', default: false },
    tally: { type: 'string', default: runs },
  },
})
const seed = whole('seed', values.seed)
// Every third seed has three brokers, every second PgBouncer, unless said otherwise.
const brokers = values.brokers === undefined ? (seed % 3 === 0 ? 3 : 1) : whole('brokers', values.brokers)
if (brokers !== 1 && brokers !== 3) throw new RangeError(`--brokers ${brokers}: 1 or 3`)
const run = await chaos({
  seed,
  minutes: whole('minutes', values.minutes),
  rate: whole('rate', values.rate),
  workers: whole('workers', values.workers),
  partitions: 4,
  brokers,
  pooled: seed % 2 === 1,
  standby: true,
  faults: faultsNamed(values.faults.split(',').filter((each) => each !== '')),
  once: values.once,
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

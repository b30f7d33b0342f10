/**
 * `npm run chaos`: real brokers, a real database with a standby, real workers, and harm for some minutes; then everything heals,
 * drains, and the judge looks at each log.
 *
 *   npm run chaos -- --minutes 5 --seed 7 [--rate 3000] [--workers 3] [--brokers 1|3] [--faults F7,F3] [--once]
 *
 * Each run adds a line to .chaos/runs.jsonl; the totals over all of them are printed at the end. Exit 1 unless nothing was lost,
 * doubled or altered.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { chaos, type Run, say } from './chaos.ts'
import { faultsNamed } from './nemesis.ts'

const folder = resolve(import.meta.dirname, '../../.chaos')

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

if (import.meta.main) {
  const { values } = parseArgs({
    args: process.argv.slice(2).filter((each) => each !== '--'),
    options: {
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Date.now() % 100_000) },
      rate: { type: 'string', default: '3000' },
      workers: { type: 'string', default: '3' },
      brokers: { type: 'string' },
      faults: { type: 'string', default: '' },
      once: { type: 'boolean', default: false },
    },
  })
  const seed = Number(values.seed)
  const run = await chaos({
    seed,
    minutes: Number(values.minutes),
    rate: Number(values.rate),
    workers: Number(values.workers),
    partitions: 4,
    // Every third seed has three brokers, every second PgBouncer, unless said otherwise.
    brokers: Number(values.brokers ?? (seed % 3 === 0 ? 3 : 1)) === 3 ? 3 : 1,
    pooled: seed % 2 === 1,
    standby: true,
    faults: faultsNamed(values.faults.split(',').filter((each) => each !== '')),
    once: values.once,
  })
  tell('this run', [run])
  mkdirSync(folder, { recursive: true })
  const file = resolve(folder, 'runs.jsonl')
  appendFileSync(file, `${JSON.stringify(run)}\n`)
  const all = existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Run)
    : []
  if (all.length > 1) tell(`all ${all.length} runs of .chaos/runs.jsonl`, all)
  const isClean = run.lost + run.duplicated + run.altered + run.surprises === 0 && run.differences.length === 0
  say(
    isClean
      ? '✓ every log is there once, and as it would be without faults'
      : `✗ not as it should be; the same again: --seed ${run.seed}`,
  )
  process.exit(isClean ? 0 : 1)
}

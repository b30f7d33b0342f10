/** docs/recovery.md, out of what was measured. */
import { cpus, totalmem } from 'node:os'
import { markdownTable } from '../../src/bench/markdown.ts'
import type { Outcome } from './chaos.ts'
import type { Measured } from './recovery.ts'

/** Of all that were measured; the greatest for 1. */
export function quantileMs(ms: readonly number[], share: number): number {
  const sorted = [...ms].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** The figure that is held against the bound keeps it. */
export function isWithin({ trial, ms }: Measured): boolean {
  return quantileMs(ms, trial.held === 'max' ? 1 : 0.99) <= trial.boundMs
}

export interface RecoveryWorld {
  readonly node: string
  readonly postgres: string
  readonly kafka: string
}

const shown = (ms: number): string => (ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`)

export function recoveryTable(measured: readonly Measured[]): string {
  return markdownTable(
    ['harm', 'measured', 'times', 'p50', 'max', 'goal', ''],
    measured.map((each) => {
      const { trial, ms } = each
      const goal = `${trial.held === 'p99' ? `p99 ${shown(quantileMs(ms, 0.99))}, ` : ''}at most ${shown(trial.boundMs)}`
      return [
        trial.name,
        trial.measured,
        String(ms.length),
        shown(quantileMs(ms, 0.5)),
        shown(quantileMs(ms, 1)),
        goal,
        isWithin(each) ? 'met' : '**missed**',
      ]
    }),
  )
}

export function recoveryPage(measured: readonly Measured[], outcome: Outcome, world: RecoveryWorld): string {
  const { records, lost, duplicated, altered, peakRssMb } = outcome
  const [cpu] = cpus()
  return `# Recovery

Written by \`npm run chaos -- --recovery --write\`: one harm at a time, on real parts, while 2,000 logs a second arrive. Each time ends
when every partition has stored a log that was not there before; it is looked at every 20 ms.

- Machine: ${cpus().length} x ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB; brokers, databases and workers share it
- Node ${world.node}, PostgreSQL ${world.postgres}, Apache Kafka ${world.kafka}

${recoveryTable(measured)}

Of ${records.toLocaleString('en-US')} logs meanwhile ${lost} were lost, ${duplicated} doubled, ${altered} altered; a worker held at most ${peakRssMb} MB.

What is measured elsewhere:

| figure | by |
|---|---|
| memory through an outage of the database, and its slope | \`OUTAGE_SECONDS=300 node --test test/faults/postgres-outage.test.ts\` |
| what exactly-once costs of the throughput | \`npm run bench\`, the table of promises in [benchmarks.md](benchmarks.md) |
| many faults at once | \`npm run chaos -- --density 4\`, told after each storm |
`
}

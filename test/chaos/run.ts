/**
 * `npm run chaos`: real brokers, a real database with a standby, real workers, and harm for some minutes; then everything heals,
 * drains, and the judge looks at each log.
 *
 *   npm run chaos -- --minutes 5 --seed 7 [--rate 3000] [--workers 3] [--brokers 1|3] [--faults F7,F3] [--once]
 *
 * Each run adds a line to .chaos/runs.jsonl; the totals over all of them are printed at the end. Exit 1 unless nothing was lost,
 * doubled or altered.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startWorker } from '../support/worker.ts'
import { checkPartition, compareWithReference, readPartition, type Verdict } from './checker.ts'
import { type FaultRecord, faultsNamed, Nemesis } from './nemesis.ts'
import { TOPIC, World, type WorldOptions } from './world.ts'

const folder = resolve(import.meta.dirname, '../../.chaos')
const say = (line: string): void => void process.stdout.write(`${line}\n`)

interface Run {
  readonly seed: number
  readonly minutes: number
  readonly records: number
  readonly faults: readonly FaultRecord[]
  readonly lost: number
  readonly duplicated: number
  readonly altered: number
  readonly peakRssMb: number
  readonly differences: readonly string[]
}

async function drained(world: World, ms: number): Promise<boolean> {
  const ends = await world.traffic.ends()
  const deadline = performance.now() + ms
  while (performance.now() < deadline) {
    const ledger = await world.ledger().catch(() => new Map<number, number>())
    if ([...ends].every(([partition, end]) => ledger.get(partition) === end)) return true
    world.heal()
    await sleep(250)
  }
  return false
}

/** The same topic into another database, by one worker that nothing happens to. */
async function reference(world: World): Promise<void> {
  const worker = startWorker({
    KAFKA_BROKER: world.kafka.direct.join(','),
    KAFKA_TOPIC: TOPIC,
    KAFKA_GROUP_ID: 'reference',
    KAFKA_START: 'earliest',
    CONSOLE_LOGS_PER_SECOND_MAX: '0',
    DATABASE_URL: `postgres://postgres@127.0.0.1:${world.postgres.primary.port}/reference`,
  })
  try {
    await worker.ready()
    const ends = await world.traffic.ends()
    const total = [...ends.values()].reduce((sum, end) => sum + end, 0)
    const deadline = performance.now() + 120_000 + total / 2
    for (;;) {
      const rows = await world.query<{ part: number; next: string }>(
        'select part, next_offset as next from ingest_ledger',
        'reference',
      )
      const at = new Map(rows.map(({ part, next }) => [part, Number(next)]))
      if ([...ends].every(([partition, end]) => at.get(partition) === end)) return
      if (performance.now() > deadline)
        throw new Error(`the run without faults did not finish\n${worker.output().slice(-2000)}`)
      await sleep(250)
    }
  } finally {
    worker.kill('SIGTERM')
    await worker.exited
  }
}

async function judge(world: World): Promise<Verdict> {
  const sum = { records: 0, rows: 0, deadLetters: 0, lost: 0, duplicated: 0, altered: 0 }
  const differences: string[] = []
  for (let partition = 0; partition < world.partitions; partition++) {
    const records = await readPartition(world.kafka.direct.join(','), TOPIC, partition)
    const verdict = await checkPartition(world.query, partition, records)
    for (const key of ['records', 'rows', 'deadLetters', 'lost', 'duplicated', 'altered'] as const)
      sum[key] += verdict[key]
    differences.push(...verdict.differences)
  }
  const idle = await world.query("select pid from pg_stat_activity where state like 'idle in transaction%'")
  if (idle.length > 0) differences.push(`${idle.length} transactions were left open`)
  await reference(world)
  const others = await compareWithReference(world.query)
  differences.push(...others)
  return { ...sum, altered: sum.altered + others.length, differences: differences.slice(0, 20) }
}

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

export interface ChaosOptions extends WorldOptions {
  readonly minutes: number
  readonly faults: readonly string[]
  /** Each fault once instead of minutes of chance. */
  readonly once: boolean
}

export async function chaos(options: ChaosOptions): Promise<Run> {
  say(
    `seed ${options.seed}: ${options.brokers} broker(s), ${options.workers} workers, ${options.rate} logs/s${options.pooled ? ', through PgBouncer' : ''}${options.standby ? ', with a standby' : ''}`,
  )
  const world = await World.start(options)
  try {
    world.traffic.begin()
    const nemesis = new Nemesis(world, faultsNamed(options.faults), say)
    if (options.once) await nemesis.each()
    else await nemesis.run(performance.now() + options.minutes * 60_000)
    world.heal()
    world.fleet.sample()
    await world.traffic.end()
    const startedMs = performance.now()
    const isDrained = await drained(world, 120_000)
    say(
      isDrained
        ? `healed and drained in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`
        : 'NOT drained within 120 s',
    )
    const { surprises } = world.fleet
    if (!isDrained) for (const worker of world.fleet.workers) say(worker.output().slice(-1_500))
    for (const { pid, end, said } of surprises) say(`worker ${pid} ended with ${end}:\n${said}`)
    const verdict = await judge(world)
    for (const difference of verdict.differences) say(`✗ ${difference}`)
    return {
      seed: options.seed,
      minutes: options.minutes,
      faults: nemesis.records,
      peakRssMb: world.fleet.peakRssMb,
      ...verdict,
      lost: verdict.lost + (isDrained ? 0 : 1),
    }
  } finally {
    await world.close()
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
    faults: values.faults.split(',').filter((each) => each !== ''),
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
  writeFileSync(resolve(folder, 'last.json'), JSON.stringify(run, null, 2))
  const isClean = run.lost + run.duplicated + run.altered === 0 && run.differences.length === 0
  say(
    isClean
      ? '✓ every log is there once, and as it would be without faults'
      : `✗ not as it should be; the same again: --seed ${run.seed}`,
  )
  process.exit(isClean ? 0 : 1)
}

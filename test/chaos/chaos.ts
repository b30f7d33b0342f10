/** One run of chaos: a world, harm for a while, then everything heals, drains, and the judge looks at each log. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorker } from '../support/worker.ts'
import { checkPartition, compareWithReference, type Verdict } from './checker.ts'
import type { Fault } from './fault.ts'
import { readPartition } from './kafka-dump.ts'
import { MemoryWatch, peakText } from './memory-watch.ts'
import { type FaultRecord, Nemesis } from './nemesis.ts'
import { TOPIC, World, type WorldOptions } from './world.ts'

export const say = (line: string): void => void process.stdout.write(`${line}\n`)

export interface Run {
  readonly seed: number
  readonly minutes: number
  readonly records: number
  readonly faults: readonly FaultRecord[]
  readonly lost: number
  readonly duplicated: number
  readonly altered: number
  readonly peakRssMb: number
  /** Workers that ended as nobody had asked. */
  readonly surprises: number
  readonly differences: readonly string[]
}

/** Nothing moves for so long: it stands. However slow a machine is, while something moves it is waited for. */
const STANDS_MS = 120_000

/**
 * Until the ledger stands at the end of every partition, also when asked a second time: what a broker had taken just before may only
 * show then. False when nothing moves any more.
 */
async function drained(world: World): Promise<boolean> {
  const read = (): Promise<ReadonlyMap<number, number>> => world.ledger().catch(() => new Map<number, number>())
  const atEnd = async (): Promise<boolean> => await reaches(world, read, () => world.heal())
  return (await atEnd()) && (await atEnd())
}

async function reaches(
  world: World,
  read: () => Promise<ReadonlyMap<number, number>>,
  meanwhile: () => void = () => undefined,
): Promise<boolean> {
  await world.traffic.partitions() // an addition whose answer was lost counts too
  const ends = await world.traffic.ends()
  let [most, movedMs] = [-1, performance.now()]
  while (performance.now() - movedMs < STANDS_MS) {
    const at = await read()
    if ([...ends].every(([partition, end]) => (at.get(partition) ?? -1) >= end)) return true
    const sum = [...at.values()].reduce((total, next) => total + next, 0)
    if (sum > most) [most, movedMs] = [sum, performance.now()]
    meanwhile()
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
    const read = async (): Promise<ReadonlyMap<number, number>> => {
      const rows = await world.query<{ part: number; next: string }>(
        'select part, next_offset as next from ingest_ledger',
        'reference',
      )
      return new Map(rows.map(({ part, next }) => [part, Number(next)]))
    }
    if (!(await reaches(world, read)))
      throw new Error(`the run without faults did not finish\n${worker.output().slice(-2_000)}`)
  } finally {
    worker.kill('SIGTERM')
    await worker.exited
  }
}

async function judge(world: World): Promise<Verdict> {
  const sum = { records: 0, rows: 0, deadLetters: 0, lost: 0, duplicated: 0, altered: 0 }
  const differences: string[] = []
  // Only the judge asks by place.
  await world.query('create index on logs (kafka_partition, kafka_offset)')
  const partitions = await world.traffic.partitions()
  for (let partition = 0; partition < partitions; partition++) {
    const slices = readPartition(world.kafka.direct.join(','), TOPIC, partition)
    const verdict = await checkPartition(world.query, partition, slices)
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

export interface ChaosOptions extends WorldOptions {
  readonly minutes: number
  readonly faults: readonly Fault[]
  /** Each fault once instead of minutes of chance. */
  readonly once: boolean
  /** How many faults there may be at once. @default 1 */
  readonly density?: number
}

/** What the judge has to say, and what the workers did. */
export type Outcome = Omit<Run, 'minutes' | 'faults'>

/** A world to which this harm is done; then everything heals, drains, and the judge looks at each log. */
export async function judged(options: WorldOptions, harm: (world: World) => Promise<void>): Promise<Outcome> {
  process.setMaxListeners(0) // every process that is started hears of this one's end
  const world = await World.start(options)
  const memory = new MemoryWatch(() => world.fleet.workers)
  try {
    world.traffic.begin()
    await harm(world)
    world.heal()
    world.fleet.sample()
    await world.traffic.end()
    const startedMs = performance.now()
    const isDrained = await drained(world)
    say(
      isDrained
        ? `healed and drained in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`
        : `NOT drained: nothing moved for ${STANDS_MS / 1000} s`,
    )
    const { surprises } = world.fleet
    if (!isDrained) for (const worker of world.fleet.workers) say(worker.output().slice(-1_500))
    for (const { pid, end, said } of surprises) say(`worker ${pid} ended with ${end}:\n${said}`)
    memory.close()
    if (memory.peak !== null) say(peakText(memory.peak))
    const verdict = await judge(world)
    for (const difference of verdict.differences) say(`✗ ${difference}`)
    return {
      seed: options.seed,
      peakRssMb: world.fleet.peakRssMb,
      surprises: surprises.length,
      ...verdict,
      lost: verdict.lost + (isDrained ? 0 : 1),
    }
  } finally {
    memory.close()
    await world.close()
  }
}

/** Nothing lost, doubled or altered, and no worker that ended unasked. */
export function isClean(run: Outcome): boolean {
  return run.lost + run.duplicated + run.altered + run.surprises === 0 && run.differences.length === 0
}

export async function chaos(options: ChaosOptions): Promise<Run> {
  const { seed, minutes, density = 1 } = options
  say(
    `seed ${seed}: ${options.brokers} broker(s), ${options.workers} workers, ${options.rate} logs/s${options.pooled ? ', through PgBouncer' : ''}${options.standby ? ', with a standby' : ''}${density > 1 ? `, up to ${density} faults at once` : ''}`,
  )
  let faults: readonly FaultRecord[] = []
  const outcome = await judged(options, async (world) => {
    const nemesis = new Nemesis(world, options.faults, density, say)
    faults = nemesis.records
    if (options.once) await nemesis.each()
    else await nemesis.run(performance.now() + minutes * 60_000)
  })
  return { minutes, faults, ...outcome }
}

/**
 * How long the pipeline stands after each kind of harm, one at a time on an otherwise quiet machine: from the moment named in the
 * table until every partition has stored something that came later.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { StartOffset } from '../../src/ledger.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { judged, type Outcome, say } from './chaos.ts'
import { replaced, within } from './fault.ts'
import { isStopped, SESSION_MS, TOPIC, type World, type WorldOptions } from './world.ts'

const LOOK_MS = 20
/** Nothing that is measured here may take longer. */
const PATIENCE_MS = 120_000
/** Between two trials: what the last one left has passed. */
const REST_MS = 2_000
const CLAIMS = 100

export interface Trial {
  readonly name: string
  /** From when to when. */
  readonly measured: string
  readonly boundMs: number
  /** Which of the figures is held against the bound: their greatest, or their 99th percentile where there are a hundred. */
  readonly held: 'max' | 'p99'
  readonly times: number
  /** One trial, or many at once: ms. */
  readonly run: (world: World) => Promise<readonly number[]>
}

export interface Measured {
  readonly trial: Trial
  readonly ms: readonly number[]
}

const OPTIONS: Omit<WorldOptions, 'seed'> = {
  brokers: 1,
  workers: 3,
  partitions: 4,
  rate: 2_000,
  pooled: false,
  standby: true,
  runMessages: 1,
}

/** Every partition has moved on from where it stood when this was called; ms since `fromMs`. Rejects after two minutes. */
async function movedOn(world: World, fromMs = performance.now()): Promise<number> {
  const read = (): Promise<ReadonlyMap<number, number> | null> => world.ledger().catch(() => null)
  let before = await read()
  while (performance.now() - fromMs < PATIENCE_MS) {
    const now = await read()
    const start = before
    if (
      start !== null &&
      start.size > 0 &&
      now !== null &&
      [...start].every(([part, next]) => (now.get(part) ?? -1) > next)
    )
      return performance.now() - fromMs
    before ??= now
    await sleep(LOOK_MS)
  }
  throw new Error(`the partitions did not move on within ${PATIENCE_MS / 1000} s`)
}

async function killedOwner(world: World): Promise<number[]> {
  const [victim] = world.fleet.workers
  if (victim === undefined) throw new Error('there is no worker')
  const fromMs = performance.now()
  await world.fleet.kill(victim)
  const ms = await movedOn(world, fromMs)
  world.heal()
  await Promise.all(world.fleet.workers.map((worker) => worker.ready()))
  return [ms]
}

async function graceful(world: World): Promise<number[]> {
  const [leaver] = world.fleet.workers
  if (leaver === undefined) throw new Error('there is no worker')
  await world.fleet.start().ready()
  await movedOn(world)
  const fromMs = performance.now()
  void world.fleet.stop(leaver)
  return [await movedOn(world, fromMs)]
}

async function stoppedOwner(world: World): Promise<number[]> {
  const [zombie] = world.fleet.workers
  if (zombie === undefined) throw new Error('there is no worker')
  const fromMs = performance.now()
  zombie.kill('SIGSTOP')
  const ms = await movedOn(world, fromMs)
  zombie.kill('SIGCONT')
  await movedOn(world)
  return [ms]
}

/** How long claims take while a worker is stopped in the middle of its COPY, its transaction open. */
async function claimsBesideZombie(world: World): Promise<number[]> {
  const zombie = await replaced(world, { FAILPOINT: 'mid_copy:stop:2' })
  await within(PATIENCE_MS, () => isStopped(zombie.child.pid ?? 0))
  if (!isStopped(zombie.child.pid ?? 0)) throw new Error('mid_copy was not reached')
  const { port } = world.postgres.primary
  const database = {
    host: '127.0.0.1',
    port,
    database: 'insighthub',
    user: 'postgres',
    password: undefined,
    ssl: false as const,
    applicationName: 'recovery',
  }
  const ledger = new PostgresLedger({ database, namespace: 'default', group: 'log-processors', owner: 'recovery' })
  const partitions = Array.from({ length: world.partitions }, (_, part) => part)
  const startOffsets = async (): Promise<Map<number, StartOffset>> => new Map()
  await ledger.pin({ topic: TOPIC, topicKey: '', partitions, startPolicy: 'earliest', startOffsets })
  const ms: number[] = []
  for (let claim = 0; claim < CLAIMS; claim++) {
    const startedMs = performance.now()
    const { claims } = await ledger.claim(partitions)
    ms.push(performance.now() - startedMs)
    if (claims.length !== partitions.length)
      throw new Error(`${claims.length} of ${partitions.length} partitions claimed`)
    await sleep(LOOK_MS)
  }
  await ledger.release(partitions)
  await ledger.close()
  zombie.kill('SIGCONT')
  await movedOn(world)
  return ms
}

async function databaseBack(world: World): Promise<number[]> {
  await world.postgres.crash()
  await sleep(5_000)
  await world.postgres.start() // resolves when it answers
  return [await movedOn(world)]
}

async function databaseDark(world: World): Promise<number[]> {
  world.pgProxy.blackhole = 'to-client'
  await sleep(18_000)
  world.pgProxy.blackhole = 'none'
  world.pgProxy.cut()
  return [await movedOn(world)]
}

async function failover(world: World): Promise<number[]> {
  const port = await world.postgres.failover(1_000) // resolves when it is promoted
  const fromMs = performance.now()
  world.pgProxy.target = port
  world.pgProxy.cut()
  const ms = await movedOn(world, fromMs)
  await world.postgres.addStandby()
  return [ms]
}

async function brokerBack(world: World): Promise<number[]> {
  const [broker] = world.kafka.brokers
  if (broker === undefined) throw new Error('there is no broker')
  await world.kafka.crash(broker, 1_000) // resolves when it answers
  return [await movedOn(world)]
}

export const TRIALS: readonly Trial[] = [
  {
    name: 'an owner killed (SIGKILL), others alive',
    measured: `from the kill; session timeout ${SESSION_MS / 1000} s`,
    boundMs: SESSION_MS + 3_000,
    held: 'max',
    times: 5,
    run: killedOwner,
  },
  {
    name: 'an owner stopped (SIGSTOP), others alive',
    measured: `from the stop; session timeout ${SESSION_MS / 1000} s`,
    boundMs: SESSION_MS + 3_000,
    held: 'max',
    times: 3,
    run: stoppedOwner,
  },
  {
    name: 'claims while a worker is stopped in its transaction',
    measured: `each of ${CLAIMS} claims of all partitions`,
    boundMs: 100,
    held: 'p99',
    times: 1,
    run: claimsBesideZombie,
  },
  {
    name: 'a worker leaves (SIGTERM), others alive',
    measured: 'from the signal',
    boundMs: 2_000,
    held: 'max',
    times: 5,
    run: graceful,
  },
  {
    name: 'the database crashed and back',
    measured: 'from its first answer',
    boundMs: 2_000,
    held: 'max',
    times: 5,
    run: databaseBack,
  },
  {
    name: 'the way to the database swallows its answers for 18 s',
    measured: 'from its end',
    boundMs: 3_000,
    held: 'max',
    times: 2,
    run: databaseDark,
  },
  {
    name: 'failover to a standby that lags',
    measured: 'from its promotion',
    boundMs: 5_000,
    held: 'max',
    times: 3,
    run: failover,
  },
  {
    name: 'the broker killed and back',
    measured: 'from its first answer',
    boundMs: 10_000,
    held: 'max',
    times: 3,
    run: brokerBack,
  },
]

/** All trials, one after the other, and the judge's word on every log meanwhile. */
export async function recovery(
  seed: number,
): Promise<{ readonly measured: readonly Measured[]; readonly outcome: Outcome }> {
  const measured: Measured[] = []
  const outcome = await judged({ ...OPTIONS, seed }, async (world) => {
    await movedOn(world)
    for (const trial of TRIALS) {
      const ms: number[] = []
      for (let time = 0; time < trial.times; time++) {
        await sleep(REST_MS)
        ms.push(...(await trial.run(world)))
      }
      measured.push({ trial, ms })
      say(
        `${trial.name}: ${ms.length > 10 ? `${ms.length} times` : ms.map((each) => `${each.toFixed(0)} ms`).join(', ')}`,
      )
      await world.fleet.trim(OPTIONS.workers)
    }
  })
  return { measured, outcome }
}

/** What can be done to a running pipeline. A fault comes, lasts and goes within `act`; afterwards the world is whole again. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FAILPOINTS } from '../../src/failpoint.ts'
import type { Worker } from '../support/worker.ts'
import { isStopped, SESSION_MS, type World, workerBackends } from './world.ts'

export interface Fault {
  readonly name: string
  /** Its number in docs/faults.md. */
  readonly number: string
  /** Faults of one kind don't overlap. */
  readonly on: 'worker' | 'postgres' | 'kafka' | 'topic'
  /** Of a choice at random. @default 2 */
  readonly weight?: number
  /** Why it cannot be done here, or null. */
  readonly missing?: (world: World) => string | null
  readonly act: (world: World) => Promise<void>
}

const LIBFAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'

function someWorker({ fleet, random }: World): Worker | undefined {
  return fleet.workers[random.below(fleet.workers.length)]
}

/** One worker ends and another takes its place. */
async function replaced(world: World, extra: Readonly<Record<string, string>>): Promise<Worker> {
  const victim = someWorker(world)
  if (victim !== undefined) await world.fleet.kill(victim)
  return world.fleet.start(extra)
}

/** Until the condition holds, or the time is over. */
async function within(ms: number, condition: () => boolean): Promise<void> {
  const end = performance.now() + ms
  while (!condition() && performance.now() < end) await sleep(50)
}

const worker: Fault[] = [
  {
    name: 'kill -9 of a worker',
    number: 'F1',
    on: 'worker',
    weight: 4,
    act: async (world) => void (await replaced(world, {})),
  },
  {
    name: 'kill -9 at a failpoint',
    number: 'F1',
    on: 'worker',
    weight: 6,
    act: async (world) => {
      const point = FAILPOINTS[world.random.below(FAILPOINTS.length)] ?? 'after_copy'
      const doomed = await replaced(world, { FAILPOINT: `${point}:kill:${1 + world.random.below(3)}` })
      await within(10_000, () => doomed.child.signalCode !== null)
    },
  },
  {
    name: 'stopped past its session, then continued',
    number: 'F2',
    on: 'worker',
    weight: 3,
    act: async (world) => {
      const zombie = someWorker(world)
      zombie?.kill('SIGSTOP')
      await sleep(SESSION_MS + 3_000)
      zombie?.kill('SIGCONT')
    },
  },
  {
    name: 'stopped in the middle of its transaction',
    number: 'F2',
    on: 'worker',
    weight: 3,
    act: async (world) => {
      const point = world.random.next() < 0.5 ? 'mid_copy' : 'before_copy'
      const zombie = await replaced(world, { FAILPOINT: `${point}:stop:2` })
      await within(10_000, () => isStopped(zombie.child.pid ?? 0))
      await sleep(SESSION_MS + 2_000)
      zombie.kill('SIGCONT')
    },
  },
  {
    name: 'a short pause',
    number: 'F2',
    on: 'worker',
    act: async (world) => {
      const paused = someWorker(world)
      paused?.kill('SIGSTOP')
      await sleep(500 + world.random.below(2_500))
      paused?.kill('SIGCONT')
    },
  },
  {
    name: 'SIGTERM, exit 0 in time',
    number: 'F20',
    on: 'worker',
    weight: 3,
    act: async (world) => {
      const leaver = someWorker(world)
      if (leaver !== undefined) await world.fleet.stop(leaver)
      world.fleet.start()
    },
  },
  {
    name: 'event loop blocked, shorter and longer than the session',
    number: 'F21',
    on: 'worker',
    act: async (world) => {
      const ms = world.random.next() < 0.5 ? 3_000 : SESSION_MS + 3_000
      await replaced(world, { FAILPOINT: `after_score:block=${ms}:2` })
      await sleep(ms + 2_000)
    },
  },
  {
    name: 'members join and leave every second',
    number: 'F12',
    on: 'worker',
    act: async (world) => {
      for (let turn = 0; turn < 6; turn++) {
        const guest = world.fleet.start()
        await sleep(1_000 + world.random.below(1_000))
        if (world.random.next() < 0.5) await world.fleet.kill(guest)
        else void world.fleet.stop(guest)
      }
      await within(35_000, () => world.fleet.workers.length <= world.options.workers)
    },
  },
  {
    name: 'a wall clock an hour or a day off',
    number: 'F22',
    on: 'worker',
    missing: () => (existsSync(LIBFAKETIME) ? null : 'libfaketime is not installed'),
    act: async (world) => {
      const shift = ['-1h', '-1d', '+2m'][world.random.below(3)] ?? '-1h'
      const astray = await replaced(world, { LD_PRELOAD: LIBFAKETIME, FAKETIME: shift, DONT_FAKE_MONOTONIC: '1' })
      await sleep(6_000)
      await world.fleet.kill(astray)
      world.fleet.start()
    },
  },
]

const postgres: Fault[] = [
  {
    name: 'commits whose answers are lost',
    number: 'F3',
    on: 'postgres',
    weight: 4,
    act: async ({ pgProxy, random }) => {
      pgProxy.cutAcks = 5 + random.below(20)
      await within(8_000, () => pgProxy.cutAcks === 0)
      pgProxy.cutAcks = 0
    },
  },
  {
    name: 'a network that swallows one way',
    number: 'F4',
    on: 'postgres',
    act: async ({ pgProxy, random }) => {
      pgProxy.blackhole = random.next() < 0.5 ? 'to-client' : 'to-server'
      await sleep(18_000)
      pgProxy.blackhole = 'none'
      // What was swallowed can't be given back: such connections are dead.
      pgProxy.cut()
    },
  },
  {
    name: 'all connections cut, again and again',
    number: 'F4',
    on: 'postgres',
    weight: 3,
    act: async ({ pgProxy, random }) => {
      for (let turn = 0; turn < 8; turn++) {
        pgProxy.cut()
        await sleep(100 + random.below(700))
      }
    },
  },
  {
    name: 'immediate restart',
    number: 'F5',
    on: 'postgres',
    weight: 3,
    act: async ({ postgres: pair, random }) => {
      await pair.crash()
      await sleep(random.below(3_000))
      await pair.start()
    },
  },
  {
    name: 'a backend killed: the server starts again',
    number: 'F6',
    on: 'postgres',
    act: async (world) => {
      const pids = await workerBackends(world)
      const pid = pids[world.random.below(pids.length)]
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
      await untilServed(world)
    },
  },
  {
    name: 'a backend stopped',
    number: 'F6',
    on: 'postgres',
    act: async (world) => {
      const pids = await workerBackends(world)
      const pid = pids[world.random.below(pids.length)]
      if (pid === undefined) return
      process.kill(pid, 'SIGSTOP')
      await sleep(17_000)
      process.kill(pid, 'SIGCONT')
    },
  },
  {
    name: 'failover to a standby that lags',
    number: 'F7',
    on: 'postgres',
    weight: 3,
    missing: ({ options }) => (options.standby ? null : 'this run has no standby'),
    act: async (world) => {
      const port = await world.postgres.failover(500 + world.random.below(2_000))
      await world.bouncer?.retarget(port)
      if (world.bouncer === null) world.pgProxy.target = port
      world.pgProxy.cut()
      await world.postgres.addStandby()
    },
  },
  {
    name: 'read-only for a while',
    number: 'F8',
    on: 'postgres',
    act: async (world) => {
      await world.query('alter system set default_transaction_read_only = on')
      await world.query('select pg_reload_conf()')
      await sleep(4_000)
      await world.query('alter system reset default_transaction_read_only')
      await world.query('select pg_reload_conf()')
    },
  },
  {
    name: 'no space left',
    number: 'F9',
    on: 'postgres',
    act: async (world) => {
      await world.query(
        `create function no_space() returns trigger language plpgsql as $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
         create trigger no_space before insert on logs for each statement execute function no_space()`,
      )
      await sleep(4_000)
      await world.query('drop trigger no_space on logs; drop function no_space()')
    },
  },
  {
    name: 'locks and terminated backends',
    number: 'F25',
    on: 'postgres',
    act: async (world) => {
      for (let turn = 0; turn < 4; turn++) {
        await world
          .query('begin; lock table ingest_ledger in access exclusive mode; select pg_sleep(0.7); commit')
          .catch(() => undefined)
        await world.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'insighthub' and pid <> pg_backend_pid() limit 2",
        )
      }
    },
  },
  {
    name: 'a column renamed under the writer',
    number: 'F26',
    on: 'postgres',
    act: async (world) => {
      await world.query('alter table logs rename column message to message_')
      await sleep(3_000)
      await world.query('alter table logs rename column message_ to message')
    },
  },
  {
    name: 'PgBouncer killed and started',
    number: 'F23',
    on: 'postgres',
    weight: 4,
    missing: ({ bouncer }) => (bouncer === null ? 'this run has no PgBouncer' : null),
    act: async ({ bouncer, random }) => {
      await bouncer?.kill()
      await sleep(random.below(2_000))
      await bouncer?.start()
    },
  },
]

const kafka: Fault[] = [
  {
    name: 'a broker killed and started',
    number: 'F10',
    on: 'kafka',
    act: async ({ kafka: cluster, random }) => {
      const broker = cluster.brokers[random.below(cluster.brokers.length)]
      if (broker !== undefined) await cluster.crash(broker, random.below(3_000))
    },
  },
  {
    name: 'a broker stopped and continued',
    number: 'F10',
    on: 'kafka',
    act: async ({ kafka: cluster, random }) => {
      const broker = cluster.brokers[random.below(cluster.brokers.length)]
      broker?.child.kill('SIGSTOP')
      await sleep(3_000 + random.below(9_000))
      broker?.child.kill('SIGCONT')
    },
  },
  {
    name: 'cut off from Kafka for longer than the session',
    number: 'F11',
    on: 'kafka',
    act: async ({ kafka: cluster }) => {
      for (const { proxy } of cluster.brokers) proxy.blackhole = 'both'
      await sleep(SESSION_MS + 4_000)
      for (const { proxy } of cluster.brokers) {
        proxy.blackhole = 'none'
        proxy.cut()
      }
    },
  },
  {
    name: 'connections to Kafka cut, again and again',
    number: 'F11',
    on: 'kafka',
    weight: 3,
    act: async ({ kafka: cluster, random }) => {
      for (let turn = 0; turn < 6; turn++) {
        for (const { proxy } of cluster.brokers) proxy.cut()
        await sleep(200 + random.below(800))
      }
    },
  },
  {
    name: 'a slow network to Kafka and to PostgreSQL',
    number: 'F4',
    on: 'kafka',
    act: async (world) => {
      const proxies = [world.pgProxy, ...world.kafka.brokers.map(({ proxy }) => proxy)]
      for (const proxy of proxies) proxy.delayMs = 50 + world.random.below(400)
      await sleep(6_000)
      for (const proxy of proxies) proxy.delayMs = 0
    },
  },
]

const topic: Fault[] = [
  {
    name: 'partitions added under load',
    number: 'F17',
    on: 'topic',
    weight: 1,
    missing: ({ partitions }) => (partitions >= 12 ? 'there are enough' : null),
    act: async (world) => {
      world.partitions += 2
      await world.traffic.addPartitions(world.partitions)
    },
  },
  {
    name: 'nothing but hostile messages',
    number: 'F19',
    on: 'topic',
    act: async ({ traffic }) => {
      traffic.hostileShare = 1
      await sleep(3_000)
      traffic.hostileShare = 0.005
    },
  },
  {
    name: 'transactions held open, then given up',
    number: 'F29',
    on: 'topic',
    act: async ({ traffic, random }) => {
      await traffic.abortedTransaction(random.below(4_000)).catch(() => undefined)
    },
  },
  {
    name: 'another group on the same table',
    number: 'F24',
    on: 'topic',
    weight: 1,
    act: async (world) => {
      const intruder = world.fleet.start({ KAFKA_GROUP_ID: 'intruder' })
      await sleep(6_000)
      await world.fleet.kill(intruder)
    },
  },
]

export const FAULTS: readonly Fault[] = [...worker, ...postgres, ...kafka, ...topic]

/** kill -9 at each failpoint in turn: those of a batch at its second, those of an assignment at their first. */
export const FAILPOINT_FAULTS: readonly Fault[] = FAILPOINTS.map((point) => ({
  name: `kill -9 at ${point}`,
  number: 'F1',
  on: 'worker',
  act: async (world) => {
    const isOnce = point === 'in_claim' || point === 'after_claim' || point === 'in_revoke' || point === 'in_warm_up'
    const doomed = await replaced(world, { FAILPOINT: `${point}:kill:${isOnce ? 1 : 2}` })
    // A member that joins makes the others give back; then the doomed one does.
    if (point === 'in_revoke') await doomed.ready().then(() => world.fleet.start())
    await within(60_000, () => doomed.child.signalCode !== null)
    if (doomed.child.signalCode === null) throw new Error(`${point} was not reached in 60 s`)
  },
}))

async function untilServed(world: World): Promise<void> {
  const end = performance.now() + 30_000
  while (performance.now() < end) {
    if (
      await world.query('select 1').then(
        () => true,
        () => false,
      )
    )
      return
    await sleep(100)
  }
}

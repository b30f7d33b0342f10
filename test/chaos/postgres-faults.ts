/** Harm done to PostgreSQL, and to the way there. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, within } from './fault.ts'
import { type World, workerBackends } from './world.ts'

export const POSTGRES_FAULTS: readonly Fault[] = [
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
      if (pid !== undefined) signal(pid, 'SIGKILL')
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
      signal(pid, 'SIGSTOP')
      await sleep(17_000)
      signal(pid, 'SIGCONT')
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
      // Longer than the writer's pause between two attempts, mostly.
      await sleep(3_000 + world.random.below(9_000))
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

/** A backend may have ended since it was listed. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Harm done to Kafka, to the way there, and to the topic. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, within } from './fault.ts'
import { SESSION_MS } from './world.ts'

/** What a worker says whose watchdog has acted. */
const ACTED = 'makes no progress: '
/** The watchdog's patience, its look every 10 s, and a busy machine. */
const WATCHDOG_MS = 60_000

export const KAFKA_FAULTS: readonly Fault[] = [
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
    name: 'fetches that bring nothing, and no error',
    number: 'F14',
    on: 'kafka',
    weight: 1,
    // Each new division of the group begins the watchdog's patience anew.
    alone: true,
    act: async ({ kafka: cluster, fleet }) => {
      const said = (): number => fleet.workers.reduce((sum, worker) => sum + worker.output().split(ACTED).length - 1, 0)
      const before = said()
      for (const { proxy } of cluster.brokers) proxy.starve(true)
      // The group is well, nothing fails, and nothing comes: only the watchdog can know.
      await within(WATCHDOG_MS, () => said() > before)
      for (const { proxy } of cluster.brokers) proxy.starve(false)
      if (said() <= before) throw new Error(`no watchdog acted within ${WATCHDOG_MS / 1000} s`)
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

export const TOPIC_FAULTS: readonly Fault[] = [
  {
    name: 'partitions added under load',
    number: 'F17',
    on: 'topic',
    weight: 1,
    missing: ({ partitions }) => (partitions >= 12 ? 'there are enough' : null),
    act: async (world) => {
      const count = world.partitions + 2
      await world.traffic.addPartitions(count)
      world.partitions = count
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
      await world.fleet.hold(intruder, () => sleep(6_000))
      await world.fleet.kill(intruder)
    },
  },
  {
    name: 'messages of almost a megabyte, a backlog of them',
    number: 'F27',
    on: 'topic',
    act: async ({ fleet, traffic }) => {
      // Shorter than the session: afterwards all of it waits for the same workers.
      const stopped = fleet.free
      for (const worker of stopped) worker.kill('SIGSTOP')
      await Promise.race([traffic.sendLarge(24), sleep(SESSION_MS - 1_000)])
      for (const worker of stopped) worker.kill('SIGCONT')
    },
  },
]

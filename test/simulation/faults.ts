/** What each kind of fault does to the world, and how it ends. */
import type { Fault, FaultKind } from './plan.ts'
import type { World } from './world.ts'

type Inflict = (world: World, fault: Fault) => (() => void) | undefined

const INFLICT: Readonly<Record<FaultKind, Inflict>> = {
  kill: (world, fault) => {
    world.instance(fault).kill()
    return undefined
  },
  stop: stopped,
  zombie: stopped,
  'stopped in claim': (world, fault) => inTheAct(world, fault, 'claim'),
  'stopped in flush': (world, fault) => inTheAct(world, fault, 'flush'),
  'killed in flush': (world, fault) => {
    const instance = world.instance(fault)
    instance.database.weather.atFlush = () => instance.kill()
    return undefined
  },
  terminate: (world, fault) => {
    world.instance(fault).terminate(false)
    return undefined
  },

  'database restart': (world) => {
    world.cutDatabase()
    return undefined
  },
  'database down': (world) => {
    world.database.up = false
    world.cutDatabase()
    return () => {
      world.database.up = true
    }
  },
  'cut backend': (world, { luck }) => {
    const backends = [...world.backends]
    backends[Math.floor(luck * backends.length)]?.terminate()
    return undefined
  },
  failover: (world) => {
    world.database.standbyCatchesUp()
    if (!world.database.standbyHasLedger) return undefined
    return () => {
      world.cutDatabase()
      world.database.failOver()
      world.afterFailover()
    }
  },
  'lost requests': (world, fault) => weather(world, fault, 'lostRequests', 0.6),
  'lost answers': (world, fault) => weather(world, fault, 'lostAcks', 0.6),
  'late commits': (world, fault) => weather(world, fault, 'lateCommits', 0.6),
  'slow database': (world, fault) => weather(world, fault, 'slow', 0.7),
  'database errors': (world, fault) => weather(world, fault, 'errors', 0.5),
  'permission revoked': (world, fault) => {
    const { weather } = world.instance(fault).database
    weather.refusal = '42501'
    return () => {
      weather.refusal = null
    }
  },
  'database dark': (world, fault) => {
    const { weather } = world.instance(fault).database
    weather.set('dark')
    return () => weather.set('open')
  },
  'spoiled commits': (world, fault) => weather(world, fault, 'spoiledCommits', 0.6),

  'Kafka cut': (world, fault) => way(world, fault, 'cut'),
  'Kafka dark': (world, fault) => way(world, fault, 'dark'),
  'broker down': (world, { which }) => {
    const node = 1 + (which % 2)
    if (world.cluster.downNodes.size > 0) return undefined
    world.cluster.nodeDown(node)
    return () => void world.cluster.downNodes.delete(node)
  },
  'leader moves': (world, fault) => {
    world.cluster.moveLeader(world.log(fault))
    return undefined
  },
  'coordinator down': (world) => {
    world.cluster.coordinatorDown = true
    return () => {
      world.cluster.coordinatorDown = false
    }
  },
  'late fetches': (world, fault) => {
    const { weather } = world.instance(fault).kafka
    weather.fetchDelayMs = Math.floor(fault.luck * 6_000)
    return () => {
      weather.fetchDelayMs = 0
    }
  },
  'client skips': (world, fault) => {
    world.instance(fault).kafka.weather.skips += 1 + (fault.which % 3)
    return undefined
  },
  'client repeats': (world, fault) => {
    world.instance(fault).kafka.weather.repeats += 1 + (fault.which % 5)
    return undefined
  },
  'client stalls': (world, fault) => {
    const { weather } = world.instance(fault).kafka
    weather.silent.set(fault.which % world.cluster.topic.partitions.length, fault.luck < 0.7 ? 'claimed' : 'connected')
    return undefined
  },
  retention: (world, fault) => {
    const log = world.log(fault)
    world.invariants.retained = true
    log.deleteBefore(log.start + Math.ceil((log.end - log.start) * fault.luck))
    return undefined
  },
  'partitions added': (world, { which }) => {
    if (world.cluster.topic.partitions.length < 6) world.cluster.grow(1 + (which % 2))
    return undefined
  },
  'topic made again': (world) => {
    if (world.cluster.topics.length === 1) world.cluster.recreate()
    return undefined
  },
  'log truncated': (world, fault) => {
    world.truncate(world.log(fault), fault.luck)
    return undefined
  },
  'wall clock jumps': (world, fault) => {
    // A clock that is behind by more than FUTURE_TOLERANCE_MS takes records for unbelievable: docs/exactly-once.md, not promised.
    const { luck } = fault
    world.instance(fault).process.wallOffsetMs = Math.floor(luck < 0.5 ? luck * 172_800_000 : (luck - 1) * 7_000_000)
    return undefined
  },
}

/** Returns what ends it; undefined where it is over at once. */
export function inflict(world: World, fault: Fault): (() => void) | undefined {
  world.trace(() => `fault: ${fault.kind} (${fault.which}) for ${fault.forMs} ms`)
  return INFLICT[fault.kind](world, fault)
}

function stopped(world: World, fault: Fault): () => void {
  const { process } = world.instance(fault)
  process.stop()
  return () => process.resume()
}

/** The process stops as soon as it has sent what it does there. */
function inTheAct(world: World, fault: Fault, where: 'claim' | 'flush'): () => void {
  const { process, database } = world.instance(fault)
  const stop = (): void => process.stop()
  if (where === 'claim') database.weather.atClaim = stop
  else database.weather.atFlush = stop
  return () => {
    database.weather.atClaim = null
    database.weather.atFlush = null
    process.resume()
  }
}

function weather(
  world: World,
  fault: Fault,
  name: 'lostRequests' | 'lostAcks' | 'lateCommits' | 'slow' | 'errors' | 'spoiledCommits',
  share: number,
): () => void {
  const { weather } = world.instance(fault).database
  weather[name] = share
  return () => {
    weather[name] = 0
  }
}

function way(world: World, fault: Fault, how: 'cut' | 'dark'): () => void {
  const { weather } = world.instance(fault).kafka
  weather.set(how)
  return () => weather.set('open')
}

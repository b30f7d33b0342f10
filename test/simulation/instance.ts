/** One worker: the product's own source, ledger, store and line in a simulated process, and the supervisor that starts it again. */
import { ProcessorError } from '../../src/errors.ts'
import type { Events } from '../../src/events.ts'
import { KafkaSource } from '../../src/kafka/source.ts'
import type { KafkaTransport } from '../../src/kafka/transport.ts'
import type { Ledger } from '../../src/ledger.ts'
import { LogPool } from '../../src/log-pool.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import { type PartitionRange, type ReadyBatch, run, type Source, type Store } from '../../src/pipeline.ts'
import { PostgresLedger } from '../../src/postgres/ledger.ts'
import { LogStore } from '../../src/postgres/log-store.ts'
import type { OpenSession } from '../../src/postgres/session.ts'
import { NO_DATABASE } from '../support/no-database.ts'
import { ChainScorer } from './chain-scorer.ts'
import { DatabaseLink } from './database-link.ts'
import { KafkaLink } from './kafka-link.ts'
import { NEVER } from './light-abort.ts'
import { SimProcess } from './sim-process.ts'
import { toldEvents } from './told-events.ts'
import type { World } from './world.ts'

const STOP_TIMEOUT_MS = 25_000
const ROWS_BYTES = 16 * 1024
const nothing = (): void => undefined

export const LIMITS = {
  sessionTimeoutMs: 10_000,
  heartbeatIntervalMs: 3_000,
  rebalanceTimeoutMs: 15_000,
  bytesMax: 100_000,
  intervalMs: 200,
  ageTargetMs: 60_000,
  bufferBytesMax: 24_000,
  fetchMaxWaitMs: 5_000,
  fetchBytesMax: 6_000,
  fetchPartitionBytesMax: 3_000,
  plainBytesMax: 1_000_000,
} as const

/** Where a mutant takes hold: each seam may be replaced by one that forgets a rule. */
export interface Seams {
  readonly transport?: (real: KafkaTransport, world: World) => KafkaTransport
  readonly openSession?: (real: OpenSession, world: World) => OpenSession
  readonly ledger?: (real: Ledger, world: World) => Ledger
  readonly store?: (real: Store, world: World, transport: KafkaLink) => Store
  readonly source?: (real: Source, process: SimProcess) => Source
  readonly detector?: (real: ChainScorer, world: World) => ChainScorer
  readonly epochStep?: () => number
}

export class Instance {
  readonly number: number
  readonly #world: World
  #life = 0
  #restart = true
  #stop = new AbortController()
  process: SimProcess
  kafka: KafkaLink
  database: DatabaseLink
  source: KafkaSource | null = null

  constructor(world: World, number: number) {
    this.#world = world
    this.number = number
    const { process, kafka, database } = this.#plug()
    this.process = process
    this.kafka = kafka
    this.database = database
  }

  get ended(): boolean {
    return this.process.state === 'dead' && !this.#restart
  }

  get running(): boolean {
    return this.process.state === 'running'
  }

  start(): void {
    const world = this.#world
    this.#life++
    Object.assign(this, this.#plug())
    const { process, kafka, database } = this
    this.#stop = new AbortController()
    const deadline = new AbortController()
    const stop = this.#stop
    stop.signal.addEventListener('abort', () => {
      world.schedule.after(STOP_TIMEOUT_MS, () => process.deliver(() => deadline.abort()))
      world.schedule.after(STOP_TIMEOUT_MS + 1_000, () => process.deliver(() => this.#exit(process, null)))
    })
    const parts = this.#parts(process, { kafka, database }, deadline.signal)
    this.source = parts.source
    world.trace(() => `${this.name} starts`)
    run(parts.line, stop.signal).then(
      () => this.#exit(process, null),
      (error: unknown) => this.#exit(process, error),
    )
  }

  get name(): string {
    return `worker ${this.number}`
  }

  /** SIGKILL; a supervisor starts it again. */
  kill(): void {
    if (this.source === null) return
    this.#world.trace(() => `${this.name} is killed`)
    this.#dies(this.process)
  }

  /** SIGTERM. */
  terminate(forGood: boolean): void {
    if (forGood) this.#restart = false
    this.#world.trace(() => `${this.name} is asked to stop`)
    const stop = this.#stop
    this.process.deliver(() => stop.abort())
  }

  #plug(): { process: SimProcess; kafka: KafkaLink; database: DatabaseLink } {
    const { schedule, dice, cluster, database, backends, invariants } = this.#world
    const process = new SimProcess(schedule, dice)
    const hintsSent = (offsets: readonly { partition: number; offset: number }[]): void =>
      this.#world.check(() => invariants.hinted(offsets))
    return {
      process,
      kafka: new KafkaLink({ cluster, process, dice, hintsSent }),
      database: new DatabaseLink({ database, process, dice, backends }),
    }
  }

  #parts(process: SimProcess, links: { kafka: KafkaLink; database: DatabaseLink }, deadline: AbortSignal) {
    const world = this.#world
    const { seams, settings, invariants } = world
    const events = this.#events(process)
    const openSession = seams.openSession?.(links.database.open, world) ?? links.database.open
    const transport = seams.transport?.(links.kafka, world) ?? links.kafka
    const ledger = new PostgresLedger({
      database: NO_DATABASE,
      openSession,
      namespace: 'default',
      group: 'processors',
      owner: `worker-${this.number}:${this.#life}`,
      epochStep: seams.epochStep ?? (() => world.epochSteps.between(1, 1_000_000)),
    })
    const store = new LogStore({
      database: NO_DATABASE,
      openSession,
      rowsBytes: ROWS_BYTES,
      pack: async (state) => Buffer.from(state), // beside the thread it would come when it likes, and in it take a third of the time
      namespace: 'default',
      topic: 'logs',
      pinned: () => ledger.pinned(),
      deadLetterBytesMax: 64,
      decodeHeaders: () => [],
      reserveIds: () => settings.reserveIds,
      events,
      lanes: settings.lanes,
      sleep: process.time.sleep,
      random: process.time.random,
      signal: deadline,
    })
    const own = new ChainScorer(settings.snapshotEvery, () => world.engine.answer(process))
    const scorer = seams.detector?.(own, world) ?? own
    const source = new KafkaSource({
      ...LIMITS,
      transport,
      ledger: seams.ledger?.(ledger, world) ?? ledger,
      events,
      detector: scorer,
      time: process.time,
      turn: () => process.time.sleep(0, NEVER),
      topic: 'logs',
      groupId: 'processors',
      startPolicy: settings.startPolicy,
      lanes: settings.lanes,
      rowsMax: settings.rowsMax,
    })
    const pool = new LogPool()
    const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, process.time.now, pool)
    const line = {
      source: seams.source?.(source, process) ?? source,
      normalize: (range: PartitionRange) => {
        world.check(() => invariants.reading(ledger.pinned().incarnation, range.partition))
        return normalize(range)
      },
      scorer,
      store: seams.store?.(store, world, links.kafka) ?? store,
      finished: ({ ranges }: ReadyBatch) => {
        for (const { logs } of ranges) pool.release(logs)
      },
      clock: process.time.clock,
    }
    const claimed: Events['partitionsClaimed'] = (claims) => {
      const { incarnation } = ledger.pinned()
      for (const { partition, epoch } of claims) world.check(() => invariants.claimed(incarnation, partition, epoch))
    }
    this.#claimed = claimed
    return { source, line }
  }

  #claimed: Events['partitionsClaimed'] = () => undefined

  #events(process: SimProcess): Events {
    const world = this.#world
    const { bufferBytesMax, fetchBytesMax } = LIMITS
    const tell = (name: string, what: unknown): void => {
      world.heard(name)
      world.trace(() => `${this.name} (${process.state}): ${name} ${brief(what)}`)
    }
    return toldEvents(tell, {
      lag: nothing,
      batchFinished: nothing,
      bufferedBytes: (bytes) => {
        // What was under way when the budget was used up still arrives: one answer of each broker, with what its records cost in memory.
        const most = bufferBytesMax + 2 * 4 * fetchBytesMax
        if (bytes > most) world.check(() => world.fail('I9', `${bytes} bytes are held, of ${bufferBytesMax}`))
      },
      partitionsClaimed: (claims) => {
        tell('partitionsClaimed', claims)
        for (const { partition } of claims) world.claimed(this.number, partition)
        this.#claimed(claims)
      },
    })
  }

  #exit(process: SimProcess, error: unknown): void {
    if (process.state === 'dead') return
    const world = this.#world
    world.trace(() => `${this.name} exits ${error === null ? '0' : brief(error)}`)
    if (error !== null) world.exited(error instanceof ProcessorError ? error.code : String(error), brief(error))
    this.#dies(process)
  }

  #dies(process: SimProcess): void {
    process.die()
    if (process !== this.process) return
    this.source = null
    const { schedule, dice } = this.#world
    if (this.#restart) schedule.after(dice.between(300, 2_000), () => this.#restart && this.start())
  }
}

function brief(what: unknown): string {
  if (what instanceof Error) return what.message
  if (typeof what !== 'object' || what === null) return String(what ?? '')
  if ('error' in what && what.error instanceof Error) return what.error.message
  return JSON.stringify(what, (_, value: unknown) => (value instanceof Map ? [...value] : value)).slice(0, 200)
}

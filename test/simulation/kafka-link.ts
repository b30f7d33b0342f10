/**
 * One process's way to the cluster: the product's transport over a simulated network, and a client library that may misbehave.
 * Requests take time both ways; they are refused at once while the way is cut, and answered late or never while it is dark.
 */
import { ProcessorError } from '../../src/errors.ts'
import type {
  FetchedPartition,
  FetchPosition,
  FetchRequest,
  GroupTransport,
  KafkaTransport,
  LogTransport,
} from '../../src/kafka/transport.ts'
import { epochMs } from '../../src/log.ts'
import type { Cluster } from './cluster.ts'
import type { Dice } from './dice.ts'
import { KafkaWeather } from './kafka-weather.ts'
import type { PartitionLog } from './partition-log.ts'
import type { SimProcess } from './sim-process.ts'

const REQUEST_TIMEOUT_MS = 45_000
const OFFSET_OUT_OF_RANGE = 1
const NOTHING = Buffer.alloc(0)

const UNKNOWN_TOPIC_ID = 100
const EMPTY_ANSWER = {
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
  abortedTransactions: [],
  batches: NOTHING,
} as const satisfies Partial<FetchedPartition>

interface FetchAnswer {
  readonly errorCode: number
  readonly partitions: FetchedPartition[]
}

type Reject = (error: unknown) => void

export class KafkaLink implements KafkaTransport {
  readonly weather = new KafkaWeather()
  readonly #cluster: Cluster
  readonly #process: SimProcess
  readonly #dice: Dice
  readonly #skipped = new Map<PartitionLog, number>()
  readonly #hintsSent: (offsets: readonly { partition: number; offset: number }[]) => void

  constructor(parts: {
    cluster: Cluster
    process: SimProcess
    dice: Dice
    /** Told when the coordinator takes committed offsets. */
    hintsSent: (offsets: readonly { partition: number; offset: number }[]) => void
  }) {
    this.#cluster = parts.cluster
    this.#process = parts.process
    this.#dice = parts.dice
    this.#hintsSent = parts.hintsSent
  }

  async openLog(): Promise<LogTransport> {
    const life = new Set<Reject>()
    await this.#ask(life, () => undefined)
    for (const [partition, until] of this.weather.silent)
      if (until === 'connected') this.weather.silent.delete(partition)
    return {
      metadata: () => this.#ask(life, () => this.#metadata()),
      fetch: (request, signal) => this.#fetch(life, request, signal),
      listOffsets: ({ node, partitions }) => this.#ask(life, () => this.#listOffsets(node, partitions)),
      offsetForLeaderEpoch: ({ partition, leaderEpoch }) =>
        this.#ask(life, () => this.#epochEnd(partition, leaderEpoch)),
      close: async () => closeAll(life),
    }
  }

  async openGroup(): Promise<GroupTransport> {
    const life = new Set<Reject>()
    const { coordinator } = this.#cluster
    const serve = <T>(act: () => T | Promise<T>, heldMs = 0): Promise<T> =>
      this.#ask(
        life,
        () => {
          if (this.#cluster.coordinatorDown) throw unavailable('the coordinator is away')
          return act()
        },
        heldMs,
      )
    await serve(() => undefined)
    return {
      join: (request) => serve(() => coordinator.join(request), request.rebalanceTimeoutMs),
      sync: (request) => serve(() => coordinator.sync(request), 30_000),
      heartbeat: async (request) => ({ errorCode: await serve(() => coordinator.heartbeat(request)) }),
      leave: (memberId) => serve(() => coordinator.leave(memberId)),
      commit: (request) =>
        serve(() => {
          const errorCode = coordinator.commit(request, request.offsets)
          if (errorCode === 0) this.#hintsSent(request.offsets)
          return request.offsets.map(({ partition }) => ({ partition, errorCode }))
        }),
      committed: (_, partitions) =>
        serve(() => new Map([...coordinator.committed].filter(([partition]) => partitions.includes(partition)))),
      close: async () => closeAll(life),
    }
  }

  async close(): Promise<void> {}

  /** There, served, and back; or an error of the network. */
  #ask<T>(life: Set<Reject>, serve: () => T | Promise<T>, heldMs = 0): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const schedule = this.#cluster.schedule
    const refuse = (error: unknown): void => settle(() => reject(error))
    let forget: () => void = () => undefined
    const settle = (act: () => void): void => {
      life.delete(refuse)
      forget()
      act()
    }
    life.add(refuse)
    const failLater = (error: unknown): void =>
      void schedule.after(this.#latencyMs(), () => this.#process.deliver(() => refuse(error)))
    const travel = (act: () => void): void => {
      schedule.after(this.#latencyMs(), () => this.#through(act, failLater, (undo) => (forget = undo), heldMs))
    }
    const back = (answer: T): void => travel(() => this.#process.deliver(() => settle(() => resolve(answer))))
    travel(() => {
      try {
        const answer = serve()
        if (answer instanceof Promise) answer.then(back, failLater)
        else back(answer)
      } catch (error) {
        failLater(error)
      }
    })
    return promise
  }

  /** Now, when the way is light again, or not at all. */
  #through(act: () => void, fail: Reject, forget: (undo: () => void) => void, heldMs: number): void {
    const { weather } = this
    if (weather.way === 'open') {
      act()
      return
    }
    if (weather.way === 'cut') {
      fail(unavailable('connection refused'))
      return
    }
    const schedule = this.#cluster.schedule
    const late = schedule.after(REQUEST_TIMEOUT_MS + heldMs, () => fail(unavailable('no answer in time')))
    const undo = weather.whenLight(() => {
      schedule.cancel(late)
      schedule.after(this.#dice.between(0, 200), act)
    })
    forget(undo)
  }

  #latencyMs(): number {
    return this.#dice.between(1, 4)
  }

  #metadata() {
    const { topic, clusterId, downNodes } = this.#cluster
    const partitions = topic.partitions.map(({ leader, leaderEpoch }, partition) => ({
      partition,
      leader: downNodes.has(leader) ? -1 : leader,
      leaderEpoch,
    }))
    return { clusterId, topicId: topic.id, partitions }
  }

  #listOffsets(node: number, partitions: readonly { partition: number; leaderEpoch: number; timestamp: number }[]) {
    this.#reach(node)
    return partitions.map(({ partition, leaderEpoch, timestamp }) => {
      const log = this.#cluster.topic.partitions[partition]
      const errorCode = leaderError(log, node, leaderEpoch)
      if (timestamp === -2 && this.weather.silent.get(partition) === 'claimed') this.weather.silent.delete(partition)
      const offset = log === undefined || errorCode !== 0 ? -1 : timestamp === -2 ? log.start : log.stable
      return { partition, errorCode, offset, timestamp: epochMs(-1) }
    })
  }

  #epochEnd(partition: number, leaderEpoch: number) {
    const log = this.#cluster.topic.partitions[partition]
    return { errorCode: log === undefined ? 3 : 0, leaderEpoch, endOffset: log?.epochEnd(leaderEpoch) ?? -1 }
  }

  #reach(node: number): void {
    if (this.#cluster.downNodes.has(node)) throw unavailable(`broker ${node} is away`)
  }

  async #fetch(life: Set<Reject>, request: FetchRequest, signal: AbortSignal): Promise<FetchAnswer> {
    const { schedule } = this.#cluster
    const answered = this.#ask(
      life,
      () => {
        this.#reach(request.node)
        return this.#longPoll(request)
      },
      request.maxWaitMs,
    )
    const answer = await answered
    if (this.weather.fetchDelayMs > 0) {
      const delayMs = this.#dice.between(0, this.weather.fetchDelayMs)
      await new Promise<void>((resolve) => void schedule.after(delayMs, () => this.#process.deliver(resolve)))
    }
    if (signal.aborted) throw unavailable('aborted')
    return answer
  }

  /** Answers at once where there is something to say, else when there is, or after the longest wait. */
  #longPoll(request: FetchRequest): FetchAnswer | Promise<FetchAnswer> {
    if (this.#speaks(request)) return this.#answer(request)
    const { schedule, topic } = this.#cluster
    const { promise, resolve } = Promise.withResolvers<FetchAnswer>()
    const logs = request.positions.flatMap(({ partition }) => topic.partitions[partition] ?? [])
    const answer = (): void => {
      schedule.cancel(timer)
      for (const log of logs) log.waiters.delete(wake)
      resolve(this.#answer(request))
    }
    const timer = schedule.after(request.maxWaitMs, answer)
    const wake = (): void => {
      if (this.#speaks(request)) answer()
    }
    for (const log of logs) log.waiters.add(wake)
    return promise
  }

  /** Whether there is an error or a record to tell. */
  #speaks({ node, topicId, positions }: FetchRequest): boolean {
    return positions.some((each) => {
      if (!this.#knows(topicId)) return true
      const log = this.#cluster.topic.partitions[each.partition]
      if (errorOf(log, node, each) !== 0 || log === undefined) return true
      return log.stable > each.offset && !this.weather.silent.has(each.partition)
    })
  }

  #answer({ node, topicId, positions }: FetchRequest): FetchAnswer {
    const partitions = positions.map((each) =>
      this.#knows(topicId)
        ? this.#read(node, each)
        : { ...EMPTY_ANSWER, partition: each.partition, errorCode: UNKNOWN_TOPIC_ID },
    )
    return { errorCode: 0, partitions }
  }

  /** By name every topic is the one that is asked for. */
  #knows(topicId: string | undefined): boolean {
    return topicId === undefined || topicId === this.#cluster.topic.id
  }

  #read(node: number, position: FetchPosition): FetchedPartition {
    const { partition, offset, maxBytes } = position
    const log = this.#cluster.topic.partitions[partition]
    const answer = {
      partition,
      errorCode: errorOf(log, node, position),
      highWatermark: log?.end ?? -1,
      lastStableOffset: log?.stable ?? -1,
      logStartOffset: log?.start ?? -1,
      abortedTransactions: [],
      batches: NOTHING,
    }
    if (log === undefined || answer.errorCode !== 0) return answer
    if (this.weather.silent.has(partition)) return { ...answer, highWatermark: offset, lastStableOffset: offset }
    return { ...answer, ...this.#batches(log, offset, maxBytes) }
  }

  #batches(
    log: PartitionLog,
    offset: number,
    maxBytes: number,
  ): Pick<FetchedPartition, 'batches' | 'abortedTransactions'> {
    const { weather } = this
    let from = offset
    if (weather.repeats > 0 && offset > log.start) {
      weather.repeats--
      from = Math.max(log.start, offset - this.#dice.between(1, 10))
    }
    const { bytes, aborted } = log.read(from, maxBytes)
    // A client that leaves out the same again is believed: nobody could tell that from a hole.
    if (weather.skips > 0 && bytes.length > 1 && this.#skipped.get(log) !== offset) {
      weather.skips--
      this.#skipped.set(log, offset)
      bytes.shift()
    }
    return { batches: bytes.length === 1 ? bytes[0]! : Buffer.concat(bytes), abortedTransactions: aborted }
  }
}

function errorOf(log: PartitionLog | undefined, node: number, position: FetchPosition): number {
  const errorCode = leaderError(log, node, position.leaderEpoch)
  if (errorCode !== 0 || log === undefined) return errorCode
  return position.offset < log.start || position.offset > log.end ? OFFSET_OUT_OF_RANGE : 0
}

function leaderError(log: PartitionLog | undefined, node: number, leaderEpoch: number): number {
  if (log === undefined) return 3
  if (log.leader !== node) return 6
  if (leaderEpoch < 0 || leaderEpoch === log.leaderEpoch) return 0
  return leaderEpoch < log.leaderEpoch ? 74 : 75
}

function unavailable(why: string): ProcessorError {
  return new ProcessorError('KAFKA_UNAVAILABLE', why)
}

function closeAll(life: Set<Reject>): void {
  for (const reject of [...life]) reject(unavailable('the connection was closed'))
}

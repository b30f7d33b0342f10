/**
 * One process's way to the cluster: the product's transport over a simulated network, and a client library that may misbehave.
 * Requests take time both ways; they are refused at once while the way is cut, and answered late or never while it is dark.
 */
import { ProcessorError } from '../../src/errors.ts'
import type { FetchRequest, GroupTransport, KafkaTransport, LogTransport } from '../../src/kafka/transport.ts'
import { epochMs } from '../../src/log.ts'
import type { Cluster } from './cluster.ts'
import type { Dice } from './dice.ts'
import { type FetchAnswer, FetchAnswers, leaderError } from './fetch-answers.ts'
import { KafkaWeather } from './kafka-weather.ts'
import type { SimProcess } from './sim-process.ts'

const REQUEST_TIMEOUT_MS = 45_000

type Reject = (error: unknown) => void

export class KafkaLink implements KafkaTransport {
  readonly weather = new KafkaWeather()
  readonly #cluster: Cluster
  readonly #process: SimProcess
  readonly #dice: Dice
  readonly #answers: FetchAnswers
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
    this.#answers = new FetchAnswers(parts.cluster, this.weather, parts.dice)
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
        return this.#answers.answer(request)
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
}

function unavailable(why: string): ProcessorError {
  return new ProcessorError('KAFKA_UNAVAILABLE', why)
}

function closeAll(life: Set<Reject>): void {
  for (const reject of [...life]) reject(unavailable('the connection was closed'))
}

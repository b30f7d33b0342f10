/** What the cluster answers to one process's fetches, and what its client library makes of that. */
import type { FetchedPartition, FetchPosition, FetchRequest } from '../../src/kafka/transport.ts'
import type { Cluster } from './cluster.ts'
import type { Dice } from './dice.ts'
import type { KafkaWeather } from './kafka-weather.ts'
import type { PartitionLog } from './partition-log.ts'

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

export interface FetchAnswer {
  readonly errorCode: number
  readonly partitions: FetchedPartition[]
}

export class FetchAnswers {
  readonly #cluster: Cluster
  readonly #weather: KafkaWeather
  readonly #dice: Dice
  readonly #skipped = new Map<PartitionLog, number>()

  constructor(cluster: Cluster, weather: KafkaWeather, dice: Dice) {
    this.#cluster = cluster
    this.#weather = weather
    this.#dice = dice
  }

  /** Answers at once where there is something to say, else when there is, or after the longest wait. */
  answer(request: FetchRequest): FetchAnswer | Promise<FetchAnswer> {
    if (this.#speaks(request)) return this.#read(request)
    const { schedule, topic } = this.#cluster
    const { promise, resolve } = Promise.withResolvers<FetchAnswer>()
    const logs = request.positions.flatMap(({ partition }) => topic.partitions[partition] ?? [])
    const answer = (): void => {
      schedule.cancel(timer)
      for (const log of logs) log.waiters.delete(wake)
      resolve(this.#read(request))
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
      return log.stable > each.offset && !this.#weather.silent.has(each.partition)
    })
  }

  #read({ node, topicId, positions }: FetchRequest): FetchAnswer {
    const partitions = positions.map((each) =>
      this.#knows(topicId)
        ? this.#readOne(node, each)
        : { ...EMPTY_ANSWER, partition: each.partition, errorCode: UNKNOWN_TOPIC_ID },
    )
    return { errorCode: 0, partitions }
  }

  /** By name every topic is the one that is asked for. */
  #knows(topicId: string | undefined): boolean {
    return topicId === undefined || topicId === this.#cluster.topic.id
  }

  #readOne(node: number, position: FetchPosition): FetchedPartition {
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
    if (this.#weather.silent.has(partition)) return { ...answer, highWatermark: offset, lastStableOffset: offset }
    return { ...answer, ...this.#batches(log, offset, maxBytes) }
  }

  #batches(
    log: PartitionLog,
    offset: number,
    maxBytes: number,
  ): Pick<FetchedPartition, 'batches' | 'abortedTransactions'> {
    const weather = this.#weather
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

export function leaderError(log: PartitionLog | undefined, node: number, leaderEpoch: number): number {
  if (log === undefined) return 3
  if (log.leader !== node) return 6
  if (leaderEpoch < 0 || leaderEpoch === log.leaderEpoch) return 0
  return leaderEpoch < log.leaderEpoch ? 74 : 75
}

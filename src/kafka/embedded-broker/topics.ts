/** The topics of the broker, by name and by id (KIP-516), and the memory they may take together. */
import { ERROR } from './error-codes.ts'
import { PartitionLog } from './partition-log.ts'

export interface Topic {
  readonly name: string
  /** 32 hex digits; another one after the topic was deleted and created again. */
  readonly id: string
  readonly logs: PartitionLog[]
}

const NAME = /^[a-zA-Z0-9._-]{1,249}$/
const PARTITIONS_MAX = 10_000

export class Topics {
  readonly #memoryBytesMax: number
  readonly #randomId: () => string
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()
  #order = 0
  #bytes = 0

  constructor(options: { readonly memoryBytesMax: number; readonly randomId: () => string }) {
    this.#memoryBytesMax = options.memoryBytesMax
    this.#randomId = options.randomId
  }

  all(): readonly Topic[] {
    return [...this.#byName.values()]
  }
  named(name: string): Topic | undefined {
    return this.#byName.get(name)
  }
  withId(id: string): Topic | undefined {
    return this.#byId.get(id)
  }
  log(name: string, partition: number): PartitionLog | undefined {
    return this.#byName.get(name)?.logs[partition]
  }
  get bytes(): number {
    return this.#bytes
  }

  /** The error code that refuses such a topic; 0 where it could be created. */
  refusal(name: string, partitions: number): number {
    if (!NAME.test(name) || name === '.' || name === '..') return ERROR.INVALID_TOPIC
    if (this.#byName.has(name)) return ERROR.TOPIC_ALREADY_EXISTS
    return partitions < 1 || partitions > PARTITIONS_MAX ? ERROR.INVALID_PARTITIONS : ERROR.NONE
  }

  create(name: string, partitions: number): Topic | number {
    const refusal = this.refusal(name, partitions)
    if (refusal !== ERROR.NONE) return refusal
    const topic: Topic = { name, id: this.#randomId().replaceAll('-', ''), logs: this.#newLogs(partitions) }
    this.#byName.set(name, topic)
    this.#byId.set(topic.id, topic)
    return topic
  }

  /** Raises the number of partitions to `partitions`. */
  grow(name: string, partitions: number): number {
    const topic = this.#byName.get(name)
    if (topic === undefined) return ERROR.UNKNOWN_TOPIC_OR_PARTITION
    if (partitions <= topic.logs.length || partitions > PARTITIONS_MAX) return ERROR.INVALID_PARTITIONS
    topic.logs.push(...this.#newLogs(partitions - topic.logs.length))
    return ERROR.NONE
  }

  delete(topic: Topic): void {
    this.#byName.delete(topic.name)
    this.#byId.delete(topic.id)
    for (const log of topic.logs) {
      this.#bytes -= log.bytes
      log.wake()
    }
  }

  /** Stores produced batches, then drops the oldest of the whole broker while they take more memory than allowed. */
  append(log: PartitionLog, batches: Buffer): { errorCode: number; baseOffset: number } {
    const before = log.bytes
    const appended = log.append(batches)
    this.#bytes += log.bytes - before
    while (this.#bytes > this.#memoryBytesMax && this.#dropOldest());
    return appended
  }

  deleteRecords(log: PartitionLog, before: number): boolean {
    const bytes = log.bytes
    const done = log.deleteBefore(before === -1 ? log.endOffset : before)
    this.#bytes += log.bytes - bytes
    return done
  }

  #dropOldest(): boolean {
    let oldest: PartitionLog | null = null
    for (const topic of this.#byName.values()) {
      for (const log of topic.logs) {
        if (log.oldestOrder < (oldest?.oldestOrder ?? Number.POSITIVE_INFINITY)) oldest = log
      }
    }
    if (oldest === null) return false
    this.#bytes -= oldest.bytes
    oldest.dropOldest()
    this.#bytes += oldest.bytes
    return true
  }

  #newLogs(count: number): PartitionLog[] {
    return Array.from({ length: count }, () => new PartitionLog(() => this.#order++))
  }
}

/** The topic as an administrator sees it, past every proxy: where it ends, more partitions, transactions that come to nothing. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, ListOffsetTimestamps, Producer } from '@platformatic/kafka'

/** What is left open by an abort that fails must not stand in everybody's way for a minute. */
const TRANSACTION_MS = 15_000

export class Topic {
  readonly name: string
  readonly #brokers: string[]
  readonly #admin: Admin
  #partitions: number

  constructor(brokers: readonly string[], name: string, partitions: number) {
    this.name = name
    this.#brokers = [...brokers]
    this.#partitions = partitions
    this.#admin = new Admin({ clientId: 'chaos-admin', bootstrapBrokers: this.#brokers, timeout: 5_000, retries: 3 })
  }

  /** One past the last offset of each partition. Rejects while no broker answers. */
  async ends(): Promise<Map<number, number>> {
    const asked = Array.from({ length: this.#partitions }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp: ListOffsetTimestamps.LATEST,
    }))
    const [found] = await this.#admin.listOffsets({ topics: [{ name: this.name, partitions: asked }] })
    return new Map(found?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]))
  }

  /** So many in all. An answer that is lost says nothing: what there is then counts. Rejects where they are not there. */
  async grow(count: number): Promise<void> {
    await this.#admin.createPartitions({ topics: [{ name: this.name, count }] }).catch(() => undefined)
    if ((await this.count()) < count) throw new Error(`the topic has ${this.#partitions} partitions, not ${count}`)
  }

  /** How many partitions there are, by Kafka's own word. */
  async count(): Promise<number> {
    const { topics } = await this.#admin.metadata({ topics: [this.name], forceUpdate: true })
    this.#partitions = topics.get(this.name)?.partitionsCount ?? this.#partitions
    return this.#partitions
  }

  /** A transaction of these messages that is given up after so long; until then nothing behind it can be read. */
  async abortedTransaction(values: readonly Buffer[], holdMs: number): Promise<void> {
    const producer = new Producer({
      clientId: 'chaos-transaction',
      bootstrapBrokers: this.#brokers,
      transactionalId: `chaos-${randomBytes(6).toString('hex')}`,
      idempotent: true,
      timeout: TRANSACTION_MS,
    })
    try {
      const transaction = await producer.beginTransaction()
      await transaction.send({ messages: values.map((value) => ({ topic: this.name, value })) })
      await sleep(holdMs)
      await transaction.abort()
    } finally {
      await producer.close(true).catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    await this.#admin.close().catch(() => undefined)
  }
}

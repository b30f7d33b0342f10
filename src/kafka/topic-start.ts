/**
 * Before anything is read: the topic must exist, and the ledger must know where each of its partitions begins. Whoever is away
 * (Kafka, the topic, PostgreSQL) is waited for, said once a try.
 */
import { isRetriable, ProcessorError } from '../errors.ts'
import type { Claim, StartOffset } from '../ledger.ts'
import type { LogConnection } from './log-connection.ts'
import { backoffMs, rest } from './pacing.ts'
import type { SourceOptions } from './source-options.ts'
import { logEnds, type TopicLayout } from './topic-layout.ts'

const BACKOFF = { minMs: 500, maxMs: 5_000 }

export class TopicStart {
  readonly #options: SourceOptions
  readonly #log: LogConnection
  readonly #layout: TopicLayout
  #pinned: ReadonlySet<number> = new Set()
  #pinnedKey = ''
  /** The topic did not exist yet: whatever is in it now came after us, and is not old to anybody. */
  #olderThanTopic = false
  /** The pinned topic's id, by which it is fetched; '' when the broker cannot tell. */
  topicId = ''
  /** Where the pipeline began, as far as this process has heard: a database that lost it begins there again. */
  readonly #bases = new Map<number, StartOffset>()

  constructor(options: SourceOptions, log: LogConnection, layout: TopicLayout) {
    this.#options = options
    this.#log = log
    this.#layout = layout
  }

  /** Whether the ledger has a row for it. */
  pinned(partition: number): boolean {
    return this.#pinned.has(partition)
  }

  /** The ledger has told where the pipeline began. */
  began({ partition, baseOffset: offset, startLeaderEpoch }: Claim): void {
    const leaderEpoch = startLeaderEpoch < 0 ? (this.#bases.get(partition)?.leaderEpoch ?? -1) : startLeaderEpoch
    this.#bases.set(partition, { offset, leaderEpoch })
  }

  /** The ledger has no row for it any more: the database went back to a moment before it was pinned. */
  lost(partition: number): void {
    this.#pinned = new Set([...this.#pinned].filter((each) => each !== partition))
  }

  /** Another topic has the name: nothing is claimed until it is pinned. */
  forget(): void {
    this.#pinned = new Set()
  }

  /** The layout shows partitions, or a topic, that the ledger was not told of. */
  get outdated(): boolean {
    return this.#layout.key !== this.#pinnedKey || this.#layout.partitions.some((each) => !this.#pinned.has(each))
  }

  /** The name belongs to another topic now. */
  get recreated(): boolean {
    return this.#layout.key !== this.#pinnedKey
  }

  /** Resolves when everything is pinned, or the signal aborts. Rejects only for what no retry can cure. */
  async wait(signal: AbortSignal): Promise<void> {
    const { events, time, topic } = this.#options
    let connected = false
    for (let attempt = 0; !signal.aborted; attempt++) {
      const retryInMs = backoffMs(attempt, BACKOFF, time.random)
      try {
        const exists = await this.#layout.refresh()
        if (!connected) events.kafkaConnected()
        connected = true
        if (exists) return await this.pin()
        this.#olderThanTopic = true
        events.topicMissing({ topic, retryInMs })
      } catch (error) {
        if (!isRetriable(error)) throw error
        this.tell(error, retryInMs)
      }
      await rest(retryInMs, time, signal)
    }
  }

  /** Rejects as the ledger and the transport do. */
  async pin(): Promise<void> {
    const { ledger, events, topic } = this.#options
    const startPolicy = this.#startPolicy
    const partitions = this.#layout.partitions
    const { key: topicKey, topicId } = this.#layout
    let starts: ReadonlyMap<number, StartOffset> = new Map()
    const startOffsets = async (): Promise<ReadonlyMap<number, StartOffset>> => {
      starts = await this.#startOffsets(partitions)
      return starts
    }
    const pinned = await ledger.pin({ topic, topicKey, partitions, startPolicy, startOffsets })
    const offsets = new Map([...starts].map(([partition, { offset }]) => [partition, offset]))
    if (pinned.created === 'first-start') events.startPinned({ topic, policy: startPolicy, offsets })
    if (pinned.created === 'recreated') events.topicRecreated({ topic, incarnation: pinned.incarnation })
    this.#pinned = new Set(partitions)
    if (topicKey !== this.#pinnedKey) this.#bases.clear()
    this.#pinnedKey = topicKey
    this.topicId = topicId
  }

  get #startPolicy(): 'latest' | 'earliest' {
    return this.#olderThanTopic ? 'earliest' : this.#options.startPolicy
  }

  /** As `auto.offset.reset`: where the group stands if it has committed, else the policy's end. */
  async #startOffsets(partitions: readonly number[]): Promise<Map<number, StartOffset>> {
    const { transport, groupId, topic } = this.#options
    const parts = { layout: this.#layout, log: this.#log, topic }
    const group = await transport.openGroup(groupId)
    try {
      const committed = await group.committed(topic, partitions)
      const led = new Map(partitions.map((each) => [each, this.#layout.leader(each)?.leaderEpoch ?? -1]))
      const policy = await logEnds(parts, partitions, this.#startPolicy)
      const start = (each: number): StartOffset =>
        this.#bases.get(each) ?? {
          offset: committed.get(each) ?? policy.get(each) ?? 0,
          leaderEpoch: led.get(each) ?? -1,
        }
      return new Map(partitions.map((each) => [each, start(each)]))
    } finally {
      await group.close().catch(() => undefined)
    }
  }

  /** Says who is away. */
  tell(error: unknown, retryInMs: number): void {
    const fromKafka = error instanceof ProcessorError && error.code.startsWith('KAFKA')
    if (fromKafka) this.#options.events.kafkaUnavailable({ error, retryInMs })
    else this.#options.events.postgresUnavailable({ error, retryInMs })
  }
}

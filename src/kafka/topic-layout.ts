/** Who leads which partition, and whether the topic is still the one we pinned. */
import { ProcessorError } from '../errors.ts'
import { errorName } from './error-name.ts'
import type { LogConnection } from './log-connection.ts'
import { backoffMs, type Doorbell, rest, type Time } from './pacing.ts'
import type { TopicPartition } from './transport.ts'

const REFRESH_EVERY_MS = 30_000
const BACKOFF = { minMs: 200, maxMs: 2_000 }

export interface LayoutOptions {
  readonly topic: string
  readonly log: LogConnection
  readonly bell: Doorbell
  readonly time: Time
}

export class TopicLayout {
  readonly #options: LayoutOptions
  #partitions: ReadonlyMap<number, TopicPartition> = new Map()
  /** Brokers that lead something. */
  nodes: readonly number[] = []
  #stale = false
  /** As last heard: the topic does not exist (any more). What is known of its partitions stays. */
  missing = false

  /** cluster id ':' topic id; '' when the broker cannot tell. */
  key = ''
  /** Hex; '' when the broker cannot tell. */
  topicId = ''

  constructor(options: LayoutOptions) {
    this.#options = options
  }

  get partitions(): readonly number[] {
    return [...this.#partitions.keys()]
  }

  /** Undefined while nobody leads the partition. */
  leader(partition: number): TopicPartition | undefined {
    const known = this.#partitions.get(partition)
    return known === undefined || known.leader < 0 ? undefined : known
  }

  /** A broker said that this is no longer true. */
  suspect(): void {
    if (this.#stale) return
    this.#stale = true
    this.#options.bell.ring()
  }

  /** Asks Kafka. False when the topic does not exist (any more). Rejects as the transport does. */
  async refresh(): Promise<boolean> {
    const log = await this.#options.log.get()
    const metadata = await log.metadata(this.#options.topic)
    this.missing = metadata.partitions === null || metadata.partitions.length === 0
    if (metadata.partitions === null || metadata.partitions.length === 0) return false
    this.topicId = metadata.topicId
    this.key = metadata.topicId === '' ? '' : `${metadata.clusterId}:${metadata.topicId}`
    const sorted = [...metadata.partitions].sort((a, b) => a.partition - b.partition)
    this.#partitions = new Map(sorted.map((each) => [each.partition, each]))
    this.nodes = [...new Set(sorted.map((each) => each.leader))].filter((node) => node >= 0)
    this.#stale = false
    this.#options.bell.ring()
    return true
  }

  /** Keeps it fresh: every 30 s, and soon after it was suspected. `refreshed` hears of every attempt. */
  async keep(
    refreshed: (exists: boolean) => Promise<void>,
    failed: (error: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { time, bell } = this.#options
    let failures = 0
    let dueMs = time.clock() + REFRESH_EVERY_MS
    while (!signal.aborted) {
      await bell.wait(Math.max(0, dueMs - time.clock()), time, signal)
      if (signal.aborted) return
      if (!this.#stale && time.clock() < dueMs) continue
      if (failures > 0 || this.#stale) await rest(backoffMs(failures, BACKOFF, time.random), time, signal)
      if (signal.aborted) return
      try {
        const exists = await this.refresh()
        await refreshed(exists)
        failures = exists && this.partitions.every((each) => this.leader(each) !== undefined) ? 0 : failures + 1
      } catch (error) {
        failures++
        failed(error)
      }
      dueMs = time.clock() + (failures > 0 ? backoffMs(failures, BACKOFF, time.random) : REFRESH_EVERY_MS)
    }
  }
}

/** First or last readable offset of some partitions, by the brokers that lead them. Rejects with KAFKA_UNAVAILABLE. */
export async function logEnds(
  parts: { readonly layout: TopicLayout; readonly log: LogConnection; readonly topic: string },
  partitions: readonly number[],
  end: 'earliest' | 'latest',
): Promise<Map<number, number>> {
  const byNode = new Map<number, TopicPartition[]>()
  for (const partition of partitions) {
    const leader = parts.layout.leader(partition)
    if (leader === undefined) {
      parts.layout.suspect()
      throw new ProcessorError(
        'KAFKA_UNAVAILABLE',
        `Nobody leads partition ${partition} of ${parts.topic} at the moment`,
      )
    }
    byNode.set(leader.leader, [...(byNode.get(leader.leader) ?? []), leader])
  }
  const log = await parts.log.get()
  const ends = new Map<number, number>()
  for (const [node, led] of byNode) {
    const timestamp = end === 'latest' ? -1 : -2
    const asked = led.map(({ partition, leaderEpoch }) => ({ partition, leaderEpoch, timestamp }))
    for (const answer of await log.listOffsets({ node, topic: parts.topic, partitions: asked })) {
      if (answer.errorCode !== 0) {
        parts.layout.suspect()
        throw new ProcessorError(
          'KAFKA_UNAVAILABLE',
          `Kafka answered ListOffsets of partition ${answer.partition} with ${errorName(answer.errorCode)}`,
        )
      }
      ends.set(answer.partition, answer.offset)
    }
  }
  return ends
}

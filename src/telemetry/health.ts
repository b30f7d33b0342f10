/** What the events say about the state of things: which outage was announced, which partitions are ours, how far behind. */
import type { PartitionLag } from '../events.ts'
import type { Voice } from './console-lines.ts'
import type { Metrics } from './metrics.ts'

const STORE_STATES = ['connected', 'unavailable', 'refused'] as const
type StoreState = (typeof STORE_STATES)[number]

/** For readiness and the status page. */
export interface HealthState {
  readonly kafka: 'connected' | 'unavailable' | 'starting'
  readonly postgres: StoreState | 'starting'
  /** The sentence of the outage that lasts; null while all is well. Single line, without credentials. */
  readonly kafkaError: string | null
  readonly postgresError: string | null
  /** What the group can't be joined for, though Kafka answers: no such topic, no coordinator. Null while nothing is known. */
  readonly joinWaitsFor: string | null
  /** The group was joined at least once, with or without partitions. */
  readonly joined: boolean
  readonly partitions: readonly number[]
  readonly lagRecords: number
  readonly lagSeconds: number
}

export class Health {
  readonly #voice: Voice
  readonly #metrics: Metrics
  #kafka: HealthState['kafka'] = 'starting'
  #postgres: HealthState['postgres'] = 'starting'
  #kafkaError: string | null = null
  #postgresError: string | null = null
  #joinWaitsFor: string | null = null
  #joined = false
  readonly #partitions = new Set<number>()
  readonly #revoked = new Set<number>()
  readonly #lags = new Map<number, { records: number; seconds: number }>()

  constructor(voice: Voice, metrics: Metrics) {
    this.#voice = voice
    this.#metrics = metrics
    this.#showStore()
  }

  state(): HealthState {
    return {
      kafka: this.#kafka,
      postgres: this.#postgres,
      kafkaError: this.#kafkaError,
      postgresError: this.#postgresError,
      joinWaitsFor: this.#joinWaitsFor,
      joined: this.#joined,
      partitions: [...this.#partitions].sort((a, b) => a - b),
      lagRecords: this.lagRecords(),
      lagSeconds: Math.max(0, ...[...this.#lags.values()].map(({ seconds }) => seconds)),
    }
  }

  lagRecords(): number {
    let records = 0
    for (const each of this.#lags.values()) records += each.records
    return records
  }

  kafkaUp(): void {
    if (this.#kafka === 'connected') return
    this.#kafka = 'connected'
    this.#kafkaError = null
    this.#metrics.kafkaConnected.set(1)
    this.#voice.over('kafka_unavailable')
    this.#voice.info('kafka_connected', '✓ Connected to Kafka')
  }

  kafkaDown(sentence: string): void {
    this.#kafka = 'unavailable'
    this.#kafkaError = sentence
    this.#metrics.kafkaConnected.set(0)
  }

  /** Said once an outage: connections come and go. */
  postgresUp(): void {
    if (this.#postgres === 'connected') return
    this.#postgres = 'connected'
    this.#postgresError = null
    this.#showStore()
    this.#voice.over('postgres_unavailable', 'postgres_refused')
    this.#voice.info('postgres_connected', '✓ Connected to PostgreSQL')
  }

  postgresDown(state: 'unavailable' | 'refused', sentence: string): void {
    this.#postgres = state
    this.#postgresError = sentence
    this.#showStore()
  }

  joinWaits(sentence: string): void {
    this.#joinWaitsFor = sentence
  }

  joined(partitions: readonly number[]): void {
    this.#joined = true
    this.#joinWaitsFor = null
    this.#voice.over('topic_missing', 'kafka_unavailable')
    this.claimed(partitions)
  }

  claimed(partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#partitions.add(partition)
      this.#revoked.delete(partition)
    }
    this.#metrics.assigned.set(this.#partitions.size)
  }

  revoked(partitions: readonly number[]): void {
    for (const partition of partitions) {
      this.#partitions.delete(partition)
      this.#revoked.add(partition)
      this.#lags.delete(partition)
      this.#metrics.lagRecords.remove({ partition })
      this.#metrics.lagSeconds.remove({ partition })
      this.#metrics.partitionSuspended.remove({ partition })
    }
    this.#metrics.assigned.set(this.#partitions.size)
  }

  /** News of a partition that has just gone is dropped: its series would stay for ever. */
  lag({ partition, nextOffset, endOffset, lagSeconds, suspended }: PartitionLag): void {
    if (this.#revoked.has(partition)) return
    const records = Math.max(0, endOffset - nextOffset)
    this.#lags.set(partition, { records, seconds: lagSeconds })
    this.#metrics.lagRecords.set({ partition }, records)
    this.#metrics.lagSeconds.set({ partition }, lagSeconds)
    this.#metrics.partitionSuspended.set({ partition }, suspended === null ? 0 : 1)
  }

  #showStore(): void {
    for (const state of STORE_STATES) this.#metrics.storeState.set({ state }, state === this.#postgres ? 1 : 0)
  }
}

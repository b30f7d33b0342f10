/** A KafkaSource in a world of fakes, with the real pipeline behind it. */
import { type Events, silentEvents } from '../../src/events.ts'
import { KafkaSource } from '../../src/kafka/source.ts'
import type { Detector, SourceOptions } from '../../src/kafka/source-options.ts'
import { type PartitionRange, run } from '../../src/pipeline.ts'
import { FakeClock } from './fake-clock.ts'
import { FakeKafka } from './fake-kafka.ts'
import { FakeLedger } from './fake-ledger.ts'
import { scored } from './ready-ranges.ts'

export interface Said {
  readonly name: string
  readonly what: unknown
}

export class SourceWorld {
  readonly clock = new FakeClock()
  readonly kafka: FakeKafka
  readonly ledger = new FakeLedger()
  /** Every range that reached the pipeline. */
  readonly ranges: PartitionRange[] = []
  readonly said: Said[] = []
  readonly dropped: number[] = []
  detector: Detector = {
    restore: ({ nextOffset, snapshot }) => snapshot?.atOffset ?? nextOffset,
    drop: (partition) => void this.dropped.push(partition),
  }
  readonly stop = new AbortController()
  source: KafkaSource
  /** How the pipeline ended: null while it runs. */
  ended: { readonly error: unknown } | null = null

  constructor(partitions: number | null, overrides: Partial<SourceOptions> = {}) {
    this.kafka = new FakeKafka(this.clock, partitions)
    this.source = new KafkaSource({
      transport: this.kafka,
      ledger: this.ledger,
      events: this.#events(),
      detector: {
        restore: (claim) => this.detector.restore(claim),
        drop: (partition) => this.detector.drop(partition),
      },
      time: this.clock.time,
      turn: () => Promise.resolve(),
      topic: 'logs',
      groupId: 'log-processors',
      startPolicy: 'earliest',
      sessionTimeoutMs: 10_000,
      heartbeatIntervalMs: 3_000,
      rebalanceTimeoutMs: 30_000,
      lanes: 1,
      rowsMax: 1_000,
      bytesMax: 1_000_000,
      intervalMs: 200,
      ageTargetMs: 60_000,
      bufferBytesMax: 10_000_000,
      fetchMaxWaitMs: 500,
      fetchBytesMax: 1_000_000,
      fetchPartitionBytesMax: 100_000,
      plainBytesMax: 10_000_000,
      ...overrides,
    })
  }

  start(): this {
    const parts = {
      source: this.source,
      normalize: (range: PartitionRange) => {
        this.ranges.push(range)
        return { events: [], rejects: [], skips: {} }
      },
      scorer: { score: async (ranges: readonly unknown[]) => ranges.map(() => scored([])) },
      store: this.ledger,
      finished: () => undefined,
      clock: this.clock.time.clock,
    }
    run(parts, this.stop.signal).then(
      () => {
        this.ended = { error: null }
      },
      (error: unknown) => {
        this.ended = { error }
      },
    )
    return this
  }

  stored(partition: number): readonly number[] {
    return this.ledger.rows.get(partition)?.stored ?? []
  }

  heard(name: keyof Events): unknown[] {
    return this.said.filter((each) => each.name === name).map((each) => each.what)
  }

  /** Everything that Kafka holds is in the database. */
  async caughtUp(withinMs?: number): Promise<void> {
    const behind = (): boolean =>
      (this.kafka.partitions ?? []).some((each, index) => this.ledger.rows.get(index)?.next !== each.end)
    await this.clock.until('everything stored', () => !behind(), withinMs)
  }

  /** Aborts and waits for the end. */
  async finish(): Promise<void> {
    this.stop.abort()
    await this.clock.until('the pipeline ended', () => this.ended !== null)
    if (this.ended?.error != null) throw this.ended.error
  }

  #events(): Events {
    const names = new Proxy(
      {},
      { get: (_, name) => (what: unknown) => void this.said.push({ name: String(name), what }) },
    )
    return silentEvents(names)
  }
}

/**
 * Records out of Kafka, in order, each offset accounted for. Many small loops around one set of positions:
 *
 *   topic start -> membership -> claims -> fetch loops -> buffers -> `batches()` -> pipeline -> `settled()` -> ledger known, hint to Kafka
 *                                    watchdog, topic layout, lag: beside it
 *
 * Every loop waits on one bell, checks its own condition and returns to the bell. Nothing here decides what is stored: the
 * ledger's compare-and-set does. What is decided here is only what is worth trying.
 */
import { isRetriable, ProcessorError } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { CommitOutcome, RawBatch, Source } from '../pipeline.ts'
import { BatchTuner } from './batch-tuner.ts'
import { cutBatch } from './batcher.ts'
import { Fetcher } from './fetcher.ts'
import { HandedOut } from './handed-out.ts'
import { HintCommitter } from './hint-committer.ts'
import { LaneTurns } from './lane-turns.ts'
import { LogConnection } from './log-connection.ts'
import { type Assignment, Membership } from './membership.ts'
import { Ownership } from './ownership.ts'
import { Doorbell, rest, within } from './pacing.ts'
import { PartitionClaims } from './partition-claims.ts'
import { type Position, Positions } from './positions.ts'
import type { SourceOptions } from './source-options.ts'
import { partitionStatus, type SourceStatus } from './source-status.ts'
import { logEnds, TopicLayout } from './topic-layout.ts'
import { TopicStart } from './topic-start.ts'
import { Watchdog } from './watchdog.ts'

const STOP_WAIT_MS = 5_000
const LAG_EVERY_MS = 1_000
const SEEN_EVERY_MS = 10_000
/** Fetching goes on when this share of the budget is in use. */
const RESUME_SHARE = 0.7

export class KafkaSource implements Source {
  readonly #options: SourceOptions
  readonly #bell = new Doorbell()
  readonly #positions: Positions
  readonly #handedOut = new HandedOut()
  readonly #tuner: BatchTuner
  readonly #turns: LaneTurns
  readonly #log: LogConnection
  readonly #layout: TopicLayout
  readonly #start: TopicStart
  readonly #membership: Membership
  readonly #hints: HintCommitter
  readonly #ownership: Ownership
  readonly #fetcher: Fetcher
  readonly #claims: PartitionClaims
  readonly #watchdog: Watchdog
  /** Ends reading: the caller's signal, or `close`. */
  readonly #reading = new AbortController()
  /** Ends everything. */
  readonly #life = new AbortController()
  readonly #ended = Promise.withResolvers<void>()
  readonly #tasks: Promise<void>[] = []
  #began = false
  #paused = false
  #subscribed = false
  #failure: { readonly error: unknown } | null = null

  constructor(options: SourceOptions) {
    const { transport, topic, groupId, events, time } = options
    const bell = this.#bell
    const positions = new Positions(options.lanes)
    this.#positions = positions
    this.#options = options
    this.#tuner = new BatchTuner(options)
    this.#turns = new LaneTurns({ positions, handedOut: this.#handedOut, tuner: this.#tuner })
    const log = new LogConnection(transport)
    const layout = new TopicLayout({ topic, log, bell, time })
    const start = new TopicStart(options, log, layout)
    this.#log = log
    this.#layout = layout
    this.#start = start
    this.#membership = new Membership({
      ...options,
      openGroup: () => transport.openGroup(groupId),
      partitionCount: async (name) => (await (await log.get()).metadata(name)).partitions?.length ?? 0,
      hooks: {
        beforeRejoin: () => this.#ownership.revoke(),
        assigned: (assignment) => this.#joined(assignment),
        lost: () => this.#ownership.lost(),
        heartbeat: (sentAtMs) => this.#ownership.stillOurs(sentAtMs),
      },
    })
    this.#hints = new HintCommitter({ commit: (offsets) => this.#membership.commit(offsets), events, time, bell })
    const [reading, life] = [this.#reading.signal, this.#life.signal]
    const [handedOut, hints] = [this.#handedOut, this.#hints]
    this.#ownership = new Ownership({ options, positions, handedOut, hints, bell, reading, life })
    const topicId = (): string => start.topicId
    this.#fetcher = new Fetcher({ options, positions, layout, log, topicId, bell, mayFetch: () => this.#mayFetch() })
    const unsettled = (partition: number): number => this.#handedOut.ranges(partition)
    const claimed = (position: Position): void => this.#hints.note(position.partition, position.stored)
    const resync = (position: Position): void => this.#ownership.resync(position)
    this.#claims = new PartitionClaims({ options, positions, layout, log, start, bell, unsettled, claimed, resync })
    this.#watchdog = new Watchdog({
      positions,
      events,
      time,
      paused: () => !this.#mayFetch(),
      ends: (partitions) => logEnds({ layout, log, topic }, partitions, 'latest'),
      reseek: (position) => this.#ownership.resync(position),
      recreate: async () => {
        this.#membership.endLife()
        await this.#fetcher.renew()
      },
      giveUp: (partition) => {
        const text = `Partition ${partition} has records to read and made no progress, also over new connections`
        this.#fail(new ProcessorError('KAFKA_STALLED', text))
      },
    })
  }

  /** May be called once. After the signal: what is buffered, then the end, when everything yielded was settled. */
  async *batches(signal: AbortSignal): AsyncIterable<RawBatch> {
    const stop = (): void => this.#reading.abort()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    this.#began = true
    try {
      await this.#start.wait(this.#reading.signal)
      if (!this.#reading.signal.aborted) this.#begin()
      yield* this.#handOut()
      await this.#ownership.waitSettled(Number.POSITIVE_INFINITY)
      this.#throwFailure()
    } finally {
      signal.removeEventListener('abort', stop)
      await this.#stop()
      this.#ended.resolve()
    }
  }

  settled(batch: RawBatch, outcomes: readonly CommitOutcome[] | null): void {
    if (outcomes === null) this.#reading.abort()
    this.#tuner.settled(batch.lane, this.#options.time.clock())
    this.#ownership.settled(batch, outcomes ?? [])
  }

  status(): SourceStatus {
    const { time } = this.#options
    const now = { nowMs: time.clock(), wallMs: time.now() }
    const member = this.#membership.member
    return {
      generation: member?.generation ?? -1,
      memberId: member?.memberId ?? '',
      joined: member !== null,
      topicPartitions: this.#layout.partitions.length,
      topicMissing: this.#layout.missing,
      bufferedBytes: this.#heldBytes,
      paused: this.#paused,
      batching: { ...this.#tuner.limits, storedInMs: this.#tuner.storedInMs, catchingUp: this.#tuner.catchingUp },
      partitions: this.#positions.all.map((position) => partitionStatus(position, this.#handedOut, now)),
    }
  }

  /** Ends reading as the signal does, and waits at most so long for what was yielded. Never rejects. */
  async close(deadlineMs: number): Promise<void> {
    this.#reading.abort()
    this.#bell.ring()
    if (!this.#began) return
    await within(deadlineMs, this.#ended.promise, this.#options.time)
    this.#life.abort()
  }

  #begin(): void {
    const reading = this.#reading.signal
    const life = this.#life.signal
    this.#task(this.#membership.run(life))
    this.#task(this.#hints.run(life))
    this.#task(this.#claims.run(reading))
    this.#task(this.#fetcher.run(reading))
    this.#task(this.#watchdog.run(reading))
    this.#task(
      this.#layout.keep(
        (exists) => this.#relaid(exists),
        (error) => this.#relayFailed(error),
        reading,
      ),
    )
    this.#task(this.#every(LAG_EVERY_MS, () => this.#tellLag()))
    this.#task(this.#every(SEEN_EVERY_MS, () => this.#options.ledger.seen(this.#positions.partitions)))
  }

  async *#handOut(): AsyncIterable<RawBatch> {
    const [{ time }, reading, life] = [this.#options, this.#reading.signal, this.#life.signal]
    while (true) {
      const isDue = this.#turns.next(time.clock(), reading.aborted).dueMs === 0
      if (isDue) await this.#options.turn()
      this.#throwFailure()
      const { lane, dueMs } = this.#turns.next(time.clock(), reading.aborted)
      const cut = isDue && dueMs === 0 ? cutBatch(lane, this.#positions.inLane(lane), this.#tuner.limits) : null
      if (cut !== null) {
        this.#turns.taken(lane, rowsOf(cut.batch), time.clock())
        this.#handedOut.push(cut.batch, cut.held)
        failpoint('after_fetch')
        yield cut.batch
      } else if (!reading.aborted) await this.#bell.wait(dueMs, time, reading)
      else if (this.#positions.buffered && !life.aborted) await this.#bell.wait(dueMs, time, life)
      else return
    }
  }

  #joined(assignment: Assignment): void {
    const { events, topic } = this.#options
    if (!this.#subscribed) events.topicSubscribed(topic)
    this.#subscribed = true
    events.groupJoined(assignment)
    this.#ownership.assigned(assignment.partitions)
  }

  async #stop(): Promise<void> {
    this.#reading.abort()
    await this.#ownership.stop()
    this.#life.abort()
    this.#bell.ring()
    await within(STOP_WAIT_MS, Promise.allSettled([this.#log.close(), ...this.#tasks]), this.#options.time)
  }

  /** The layout was looked at: new partitions, or another topic of the same name, go to the ledger first, then to the group. */
  async #relaid(exists: boolean): Promise<void> {
    const { events, topic } = this.#options
    if (!exists) return events.topicMissing({ topic, retryInMs: null })
    const { outdated, recreated } = this.#start
    if (recreated) {
      // What was handed out of the old topic is stored as its own before the ledger speaks of the new one.
      this.#start.forget()
      for (const position of this.#positions.all) this.#ownership.resync(position)
      await this.#ownership.waitSettled(Number.POSITIVE_INFINITY)
      if (this.#life.signal.aborted) return
    }
    if (outdated) await this.#start.pin()
    // Also what came while the group was being divided, or when the broker asked did not know the topic yet.
    const divided = this.#membership.member?.divided ?? null
    if (divided !== null && (outdated || divided < this.#layout.partitions.length)) this.#membership.rejoin()
    this.#bell.ring()
  }

  #relayFailed(error: unknown): void {
    if (isRetriable(error)) this.#start.tell(error, 0)
    else this.#fail(error)
  }

  #tellLag(): void {
    const { events } = this.#options
    const known = this.status().partitions.filter((each) => each.nextOffset >= 0)
    if (known.length > 0) events.lag(known)
    this.#tuner.behind(Math.max(0, ...known.map(({ lagSeconds }) => lagSeconds)))
    events.bufferedBytes(this.#heldBytes)
  }

  async #every(ms: number, act: () => void | Promise<void>): Promise<void> {
    while (!this.#life.signal.aborted) {
      await rest(ms, this.#options.time, this.#life.signal)
      if (!this.#life.signal.aborted) await act()
    }
  }

  get #heldBytes(): number {
    return this.#positions.heldBytes + this.#handedOut.heldBytes
  }

  #mayFetch(): boolean {
    const { events, bufferBytesMax } = this.#options
    const bufferedBytes = this.#heldBytes
    if (!this.#paused && bufferedBytes > bufferBytesMax) {
      this.#paused = true
      events.fetchPaused({ bufferedBytes })
    } else if (this.#paused && bufferedBytes < bufferBytesMax * RESUME_SHARE) {
      this.#paused = false
      events.fetchResumed()
    }
    return !this.#paused
  }

  #task(task: Promise<void>): void {
    this.#tasks.push(task)
    task.catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#reading.abort()
    this.#life.abort()
    this.#bell.ring()
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error
  }
}

function rowsOf({ ranges }: RawBatch): number {
  return ranges.reduce((sum, { records }) => sum + records.length, 0)
}

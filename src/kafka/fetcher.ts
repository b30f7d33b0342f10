/**
 * The fetch loops: one per broker that leads something, one request under way each (long poll). A partition is paused by
 * leaving it out. What an answer means is decided by the position it belongs to; this file only asks, and sorts errors.
 */
import { isRetriable, messageOf, ProcessorError } from '../errors.ts'
import { errorName } from './error-name.ts'
import type { LogConnection } from './log-connection.ts'
import { backoffMs, type Doorbell, rest } from './pacing.ts'
import type { Position, Positions } from './positions.ts'
import { readRange } from './record-range.ts'
import type { SourceOptions } from './source-options.ts'
import { logEnds, type TopicLayout } from './topic-layout.ts'
import type { FetchedPartition } from './transport.ts'

const BACKOFF = { minMs: 100, maxMs: 2_000 }
const OFFSET_OUT_OF_RANGE = 1
/** Unknown topic or partition, leader not available, not the leader, replica not available, storage error, fenced and unknown leader epoch, unknown topic id, inconsistent topic id. */
const STALE_LAYOUT: readonly number[] = [3, 5, 6, 9, 56, 74, 75, 100, 103]
const FETCH_BYTES_LIMIT = 64 * 1024 * 1024
/** Records that are longer, on average, are large. */
const LARGE_RECORD_BYTES = 64 * 1024

export interface FetcherParts {
  readonly options: SourceOptions
  readonly positions: Positions
  readonly layout: TopicLayout
  readonly log: LogConnection
  readonly topicId: () => string
  readonly bell: Doorbell
  /** False while the budget of bytes is used up. */
  readonly mayFetch: () => boolean
}

interface Asked {
  readonly position: Position
  readonly assignment: number
  readonly wanted: number
  /** Of the leader that was asked: what an earlier one answers late may have been lost since. */
  readonly leaderEpoch: number
}

/** While an answer is read, in bytes. */
interface AnswerMemory {
  /** May still be decompressed. */
  left: number
  /** Of large records, compressed and plain. */
  large: number
  /** Some partition has records in it: one that has none may have found it full. */
  readonly filled: boolean
}

export class Fetcher {
  readonly #parts: FetcherParts
  readonly #loops = new Map<number, Promise<void>>()
  #renewal = new AbortController()

  constructor(parts: FetcherParts) {
    this.#parts = parts
  }

  /** Runs a loop for every broker that leads something. Rejects only for what no retry can cure. */
  async run(signal: AbortSignal): Promise<void> {
    const { bell, options, layout } = this.#parts
    const failures: unknown[] = []
    while (!signal.aborted) {
      for (const node of layout.nodes) {
        if (this.#loops.has(node)) continue
        const loop = this.#loop(node, signal).finally(() => this.#loops.delete(node))
        loop.catch((error: unknown) => {
          failures.push(error)
          bell.ring()
        })
        this.#loops.set(node, loop)
      }
      await bell.wait(Number.POSITIVE_INFINITY, options.time, signal)
      if (failures.length > 0) throw failures[0]
    }
    await Promise.allSettled(this.#loops.values())
  }

  /** Gives up the requests under way and connects anew. */
  async renew(): Promise<void> {
    this.#renewal.abort()
    this.#renewal = new AbortController()
    await this.#parts.log.close()
  }

  async #loop(node: number, signal: AbortSignal): Promise<void> {
    const { options, bell, layout } = this.#parts
    let failures = 0
    for (let turn = 0; !signal.aborted && layout.nodes.includes(node); turn++) {
      const asked = this.#due(node, turn)
      if (asked.length === 0) {
        await bell.wait(this.#nextDueMs(node), options.time, signal)
        continue
      }
      try {
        await this.#fetch(node, asked, signal)
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        if (!isRetriable(error)) throw error
        options.events.fetchFailed({ partition: null, error })
        layout.suspect()
        await rest(backoffMs(failures++, BACKOFF, options.time.random), options.time, signal)
      }
    }
  }

  /**
   * Only the first of an answer is sure to get a whole batch, and a few may fill it. So the one with the least waiting goes first: a lane whose
   * partitions are empty is without work, while another one's records use up the budget. Of equal ones another one each time. Before them
   * all goes one whose batch didn't fit, so that the answer is as large as that batch, and not as all those that didn't.
   */
  #due(node: number, turn: number): Asked[] {
    const { positions, mayFetch, options } = this.#parts
    if (!mayFetch()) return []
    const nowMs = options.time.clock()
    const due = positions.all.filter((each) => this.#led(each, node) && each.fetchNotBeforeMs <= nowMs)
    const first = due.length === 0 ? 0 : turn % due.length
    const turned = [...due.slice(first), ...due.slice(0, first)]
    const ordered = turned.sort((a, b) => b.fetchBytes - a.fetchBytes || a.buffer.bytes - b.buffer.bytes)
    return ordered.map((position) => ({
      position,
      assignment: position.assignment,
      wanted: position.expected,
      leaderEpoch: position.trustedEpoch,
    }))
  }

  #nextDueMs(node: number): number {
    const nowMs = this.#parts.options.time.clock()
    const waits = this.#parts.positions.all
      .filter((each) => this.#led(each, node) && each.fetchNotBeforeMs > nowMs)
      .map((each) => each.fetchNotBeforeMs - nowMs)
    return waits.length === 0 || !this.#parts.mayFetch() ? Number.POSITIVE_INFINITY : Math.min(...waits)
  }

  #led(position: Position, node: number): boolean {
    const led = this.#parts.layout.leader(position.partition)
    // A log under a new leader may not be the one that was read: looked at first (partition-claims.ts).
    return position.state.kind === 'running' && led?.leader === node && led.leaderEpoch === position.trustedEpoch
  }

  async #fetch(node: number, asked: readonly Asked[], signal: AbortSignal): Promise<void> {
    const { options, layout, log, bell, topicId } = this.#parts
    const positions = asked.map(({ position, wanted }, index) => ({
      partition: position.partition,
      offset: wanted,
      leaderEpoch: layout.leader(position.partition)?.leaderEpoch ?? -1,
      // One large batch at a time.
      maxBytes: Math.max(options.fetchPartitionBytesMax, index === 0 ? position.fetchBytes : 0),
    }))
    const maxBytes = Math.max(options.fetchBytesMax, ...positions.map((each) => each.maxBytes))
    const over = AbortSignal.any([signal, this.#renewal.signal])
    const connection = await log.get()
    const { topic, fetchMaxWaitMs: maxWaitMs } = options
    const request = { node, topic, topicId: topicId(), positions, maxWaitMs, minBytes: 1, maxBytes }
    const answer = await orAborted(connection.fetch(request, over), over)
    if (signal.aborted) return
    if (answer.errorCode !== 0) throw failed(answer.errorCode, null)
    const filled = answer.partitions.some(({ batches }) => batches.length > 0)
    const memory: AnswerMemory = { left: options.answerPlainBytesMax ?? Number.POSITIVE_INFINITY, large: 0, filled }
    for (const fetched of answer.partitions) {
      // Decompressed, the others have filled the memory that one answer may take. Next time another one goes first.
      if (memory.left <= 0 && fetched.batches.length > 0) continue
      const one = asked.find((each) => each.position.partition === fetched.partition)
      if (one !== undefined) await this.#take(one, fetched, memory)
    }
    if (memory.large > 0) options.largeRecords?.(memory.large)
    bell.ring()
  }

  async #take(asked: Asked, fetched: FetchedPartition, memory: AnswerMemory): Promise<void> {
    const { options, positions, layout } = this.#parts
    const { events } = options
    const { position, wanted, assignment, leaderEpoch } = asked
    const { partition, errorCode } = fetched
    const current = position.assignment === assignment && position.trustedEpoch === leaderEpoch
    if (positions.get(partition) !== position || !current) {
      if (fetched.batches.length > 0) {
        const range = readRange(fetched, wanted, { plainBytesMax: options.plainBytesMax })
        events.staleDelivery({ partition, records: range.records.length })
      }
      return
    }
    if (errorCode === OFFSET_OUT_OF_RANGE) return await this.#outOfRange(asked)
    if (errorCode !== 0) {
      if (STALE_LAYOUT.includes(errorCode)) layout.suspect()
      else events.fetchFailed({ partition, error: failed(errorCode, partition) })
      return this.#later(position)
    }
    position.endOffset = fetched.lastStableOffset >= 0 ? fetched.lastStableOffset : fetched.highWatermark
    this.#accept(asked, fetched, memory)
  }

  #accept({ position, assignment, wanted }: Asked, fetched: FetchedPartition, memory: AnswerMemory): void {
    const { events, time, plainBytesMax, fetchPartitionBytesMax } = this.#parts.options
    const nowMs = time.clock()
    const { partition } = fetched
    const range = readRange(fetched, wanted, { plainBytesMax, rangeBytesMax: memory.left })
    memory.left -= range.plainBytes
    if (range.plainBytes > LARGE_RECORD_BYTES * range.records.length) memory.large += range.plainBytes + range.bytes
    if (range.to === wanted && range.gapTo !== null && fetched.logStartOffset > wanted) {
      const gap = position.lost(Math.min(fetched.logStartOffset, range.gapTo), 'retention', nowMs)
      if (gap !== null) events.gapFound({ partition, ...gap })
      return
    }
    position.fetchBytes = range.truncated
      ? Math.min(FETCH_BYTES_LIMIT, range.batchBytes || 2 * Math.max(position.fetchBytes, fetchPartitionBytesMax))
      : 0
    const accepted = position.accept({ assignment, wanted, range, nowMs })
    if (accepted.kind === 'accepted') {
      events.fetched({ partition, records: range.records.length, bytes: range.bytes })
      if (accepted.skipped !== null) events.clientSkip({ partition, ...accepted.skipped })
    } else if (accepted.kind === 'stale' || accepted.kind === 'duplicate') {
      events.staleDelivery({ partition, records: range.records.length })
    }
    // Without progress the next answer would come at once, and say the same; unless this one was only full.
    const full = memory.filled && fetched.batches.length === 0
    const again = accepted.kind === 'suspected' && position.fetchFailures++ > 0
    const unmoved = again || accepted.kind === 'nothing' || accepted.kind === 'duplicate'
    if (unmoved && !full && range.error === null && position.endOffset > wanted) this.#later(position)
    if (range.error === null) return
    events.corruptBatch({ partition, offset: range.to, detail: messageOf(range.error) })
    this.#later(position)
  }

  /** Retention was faster than we, or the log ends before us. What is buffered is good in either case. */
  async #outOfRange({ position, assignment, wanted }: Asked): Promise<void> {
    const { options, positions, layout, log } = this.#parts
    const { partition } = position
    const earliest = await logEnds({ layout, log, topic: options.topic }, [partition], 'earliest')
    if (!positions.holds(position, assignment) || position.expected !== wanted) return
    const start = earliest.get(partition) ?? -1
    const nowMs = options.time.clock()
    if (start > wanted) {
      const gap = position.lost(start, 'retention', nowMs)
      if (gap !== null) options.events.gapFound({ partition, ...gap })
    } else if (position.quiet) position.resync(nowMs + BACKOFF.minMs)
    else this.#later(position)
  }

  #later(position: Position): void {
    const { time } = this.#parts.options
    position.fetchNotBeforeMs = time.clock() + backoffMs(position.fetchFailures++, BACKOFF, time.random)
  }
}

async function orAborted<T>(request: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = Promise.withResolvers<never>()
  const stop = (): void => over.reject(new ProcessorError('KAFKA_UNAVAILABLE', 'The fetch was given up'))
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await Promise.race([request, over.promise])
  } finally {
    signal.removeEventListener('abort', stop)
    over.promise.catch(() => undefined)
    request.catch(() => undefined)
  }
}

function failed(errorCode: number, partition: number | null): ProcessorError {
  const where = partition === null ? '' : ` of partition ${partition}`
  return new ProcessorError('KAFKA_UNAVAILABLE', `Kafka answered the fetch${where} with ${errorName(errorCode)}`)
}

/**
 * From an assignment to a partition that may be read: claim it in the ledger (nobody else can store it from then on), compare
 * the ledger with the log, let the detector take up its memory. Retried for as long as the partition is ours.
 *
 *   ledger before the log's start -> a gap by retention, stored as such           ledger behind the log's end, or the last
 *   record stored is another one now -> truncated, recreated or swapped: this partition waits and is looked at again
 */
import { isRetriable, messageOf, ProcessorError } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { Claim } from '../ledger.ts'
import { errorName } from './error-name.ts'
import type { LogConnection } from './log-connection.ts'
import { backoffMs, type Doorbell } from './pacing.ts'
import type { Position, Positions } from './positions.ts'
import { readRange, recordCrc } from './record-range.ts'
import type { SourceOptions } from './source-options.ts'
import { logEnds, type TopicLayout } from './topic-layout.ts'
import type { TopicStart } from './topic-start.ts'

const BACKOFF = { minMs: 100, maxMs: 5_000 }
/** Of claims that the database did not take: they cost next to nothing, and one that is back is to be used at once. */
const CLAIM_BACKOFF = { minMs: 100, maxMs: 1_000 }
const HELD_RETRY_MS = 5_000
const TRUNCATED_RETRY_MS = 30_000
const ANOTHER_LOG = 'truncated, recreated or another cluster; it is not read (docs/operations.md says how to go on)'
/** A new leader may lag behind what its predecessor had shown (KIP-207), for moments. */
const TRUNCATED_ATTEMPTS = 3

export interface ClaimsParts {
  readonly options: SourceOptions
  readonly positions: Positions
  readonly layout: TopicLayout
  readonly log: LogConnection
  readonly start: TopicStart
  readonly bell: Doorbell
  /** Ranges of this partition, of whatever assignment, that were handed out and not settled. */
  readonly unsettled: (partition: number) => number
  readonly claimed: (position: Position) => void
  /** Everything read of it counts for nothing: begin at the ledger again. */
  readonly resync: (position: Position) => void
}

export class PartitionClaims {
  readonly #parts: ClaimsParts

  constructor(parts: ClaimsParts) {
    this.#parts = parts
  }

  /** Rejects only for what no retry can cure. */
  async run(signal: AbortSignal): Promise<void> {
    const { bell, options } = this.#parts
    while (!signal.aborted) {
      const led = this.#newlyLed()
      const due = this.#due()
      if (led.length > 0) await Promise.all(led.map((position) => this.#trust(position)))
      else if (due.length > 0) await this.#claim(due)
      else await bell.wait(this.#nextDueMs(), options.time, signal)
    }
  }

  /** A partition whose old ranges are still being scored waits: its detector must not learn them after it was restored. */
  #due(): Position[] {
    const nowMs = this.#parts.options.time.clock()
    const due: Position[] = []
    for (const position of this.#parts.positions.all) {
      if (position.state.kind === 'suspended' && position.state.untilMs <= nowMs) position.resync(nowMs)
      if (position.state.kind !== 'claiming' || position.state.notBeforeMs > nowMs) continue
      if (!this.#parts.start.pinned(position.partition)) this.#parts.layout.suspect()
      else if (this.#parts.unsettled(position.partition) === 0) due.push(position)
    }
    return due
  }

  #nextDueMs(): number {
    const nowMs = this.#parts.options.time.clock()
    let waitMs = Number.POSITIVE_INFINITY
    for (const { state, fetchNotBeforeMs } of this.#parts.positions.all) {
      if (state.kind === 'claiming' && state.notBeforeMs > nowMs) waitMs = Math.min(waitMs, state.notBeforeMs - nowMs)
      if (state.kind === 'running' && fetchNotBeforeMs > nowMs) waitMs = Math.min(waitMs, fetchNotBeforeMs - nowMs)
      if (state.kind === 'suspended') waitMs = Math.min(waitMs, Math.max(1, state.untilMs - nowMs))
    }
    return waitMs
  }

  async #claim(due: readonly Position[]): Promise<void> {
    const { options, positions, start } = this.#parts
    const { ledger, events, time } = options
    const tokens = new Map(due.map((position) => [position, position.assignment]))
    const ours = (position: Position): boolean => positions.holds(position, tokens.get(position))
    failpoint('in_claim')
    const answer = await ledger.claim(due.map((position) => position.partition)).catch((error: unknown) => {
      if (!isRetriable(error)) throw error
      const retryInMs = Math.min(...due.filter(ours).map((position) => this.#again(position)), CLAIM_BACKOFF.maxMs)
      events.postgresUnavailable({ error, retryInMs })
      return null
    })
    if (answer === null) return
    failpoint('after_claim')
    for (const { partition, group } of answer.refused) {
      events.partitionHeldByGroup({ partition, group })
      positions.get(partition)?.resync(time.clock() + HELD_RETRY_MS)
    }
    const fresh: { position: Position; claim: Claim }[] = []
    const gone: number[] = []
    for (const position of due) {
      const claim = answer.claims.find((each) => each.partition === position.partition)
      if (claim === undefined) {
        if (answer.refused.some((each) => each.partition === position.partition)) continue
        start.lost(position.partition)
        if (ours(position)) this.#again(position)
      } else if (ours(position)) fresh.push({ position, claim })
      else if (positions.get(position.partition) === undefined) gone.push(position.partition)
    }
    const released = ledger.release(gone)
    const told = fresh.map(({ claim: { partition, epoch, nextOffset } }) => ({ partition, epoch, nextOffset }))
    if (told.length > 0) events.partitionsClaimed(told)
    // Nothing was waited for since they were found to be ours.
    const verified = fresh.map(({ position, claim }) => this.#verify(position, claim, () => ours(position)))
    await Promise.all([released, ...verified])
    this.#parts.bell.ring()
  }

  async #verify(position: Position, claim: Claim, ours: () => boolean): Promise<void> {
    const { options, claimed, layout, start } = this.#parts
    const { events, time, detector } = options
    const { partition, nextOffset } = claim
    const attempt = attemptOf(position)
    position.claimed(claim, nextOffset)
    start.began(claim)
    try {
      const leaderEpoch = layout.leader(partition)?.leaderEpoch ?? -1
      const [earliest, latest] = [await this.#end(partition, 'earliest'), await this.#end(partition, 'latest')]
      if (nextOffset < earliest) await this.#stillThatTopic()
      const doubt = await this.#doubt(claim, earliest, latest)
      if (!ours()) return
      position.endOffset = latest
      if (doubt !== null) {
        if (nextOffset > latest && attempt < TRUNCATED_ATTEMPTS)
          return position.resync(time.clock() + backoffMs(attempt + 2, BACKOFF, time.random), attempt + 1)
        events.fetchFailed({ partition, error: new ProcessorError('KAFKA_LOG_TRUNCATED', doubt) })
        return position.suspend(time.clock() + TRUNCATED_RETRY_MS, doubt)
      }
      position.claimed(claim, Math.min(nextOffset, Math.max(earliest, detector.restore(claim))))
      if (nextOffset < earliest) {
        const gap = position.lost(earliest, 'retention', time.clock())
        if (gap !== null) events.gapFound({ partition, ...gap })
      }
      position.verified(time.clock(), leaderEpoch)
      claimed(position)
    } catch (error) {
      if (!isRetriable(error)) throw error
      events.fetchFailed({ partition, error })
      if (ours()) position.resync(time.clock() + backoffMs(attempt, BACKOFF, time.random), attempt + 1)
    }
  }

  #newlyLed(): Position[] {
    const { positions, layout } = this.#parts
    const nowMs = this.#parts.options.time.clock()
    return positions.all.filter((each) => {
      if (each.state.kind !== 'running' || each.fetchNotBeforeMs > nowMs) return false
      const led = layout.leader(each.partition)
      return led !== undefined && led.leaderEpoch !== each.trustedEpoch
    })
  }

  /**
   * Another leader: goes on where its log holds what was read, as it tells by the end of the epoch of the last record (KIP-320).
   * Where it does not, or cannot tell, the claim's own look decides.
   */
  async #trust(position: Position): Promise<void> {
    const { options, positions, layout, bell, resync } = this.#parts
    const { partition, assignment, tailEpoch } = position
    const { time, events } = options
    const leaderEpoch = layout.leader(partition)?.leaderEpoch ?? -1
    try {
      const end = tailEpoch < 0 ? -1 : await this.#epochEnd(partition, tailEpoch, 'known')
      // Or it has been read on meanwhile, from the leader before, into another epoch: asked again about that one.
      if (!positions.holds(position, assignment) || position.tailEpoch !== tailEpoch) return
      // What is read again for the detector alone is in the database up to the end of the warm-up.
      if (end >= Math.max(position.expected, position.warmUpEnd)) position.trustedEpoch = leaderEpoch
      else resync(position)
    } catch (error) {
      if (!isRetriable(error)) throw error
      events.fetchFailed({ partition, error })
      layout.suspect()
      position.fetchNotBeforeMs = time.clock() + backoffMs(position.fetchFailures++, BACKOFF, time.random)
    }
    bell.ring()
  }

  /** Ends of logs are asked for by name: before anything is called lost, the name must still be that topic's. */
  async #stillThatTopic(): Promise<void> {
    const { layout, start } = this.#parts
    await layout.refresh()
    if (!start.recreated) return
    layout.suspect()
    throw new ProcessorError('KAFKA_UNAVAILABLE', 'Another topic has the name now')
  }

  /** Why the log can't be the one that was read before; null when it can. */
  async #doubt(claim: Claim, earliest: number, latest: number): Promise<string | null> {
    const { partition, baseOffset, nextOffset, tail, startLeaderEpoch } = claim
    if (nextOffset > latest) {
      const end = await this.#epochEnd(partition, tail?.leaderEpoch ?? startLeaderEpoch)
      if (end >= nextOffset)
        throw new ProcessorError(
          'KAFKA_UNAVAILABLE',
          `The new leader of partition ${partition} does not show all of its log yet`,
        )
      return `Partition ${partition} ends at ${latest}, the ledger stands at ${nextOffset}: ${ANOTHER_LOG}`
    }
    if (tail === null) {
      if (baseOffset === 0) return null
      const end = await this.#epochEnd(partition, startLeaderEpoch)
      if (end < 0 || end >= baseOffset) return null
      return `Partition ${partition} ends epoch ${startLeaderEpoch} at ${end}, the pipeline began at ${baseOffset} of it: ${ANOTHER_LOG}`
    }
    if (tail.offset >= latest) return null
    // Also where compaction, or retention, has taken the record that would tell.
    const epochEnd = await this.#epochEnd(partition, tail.leaderEpoch)
    if (epochEnd >= 0 && epochEnd <= tail.offset)
      return `Partition ${partition} ends epoch ${tail.leaderEpoch} at ${epochEnd}, offset ${tail.offset} of it was stored: ${ANOTHER_LOG}`
    if (tail.offset < earliest) return null
    const found = await this.#recordAt(partition, tail.offset)
    if (found === null || (found.crc === tail.crc && found.timestamp === tail.timestamp)) return null
    return `Partition ${partition} holds another record at offset ${tail.offset} than the one that was stored: ${ANOTHER_LOG}`
  }

  /** -1 where nobody can tell; `known`: also where the log never had that epoch, and answers with the end of an earlier one. */
  async #epochEnd(partition: number, leaderEpoch: number, which?: 'known'): Promise<number> {
    const { options, layout, log } = this.#parts
    const leader = layout.leader(partition)
    if (leader === undefined || leaderEpoch < 0) return -1
    const connection = await log.get()
    const { leader: node, leaderEpoch: currentLeaderEpoch } = leader
    const asked = { node, topic: options.topic, partition, currentLeaderEpoch, leaderEpoch }
    const answer = await connection.offsetForLeaderEpoch(asked)
    const isAnother = which === 'known' && answer.leaderEpoch < leaderEpoch
    return answer.errorCode !== 0 || isAnother ? -1 : answer.endOffset
  }

  /** What the log holds at an offset; null where compaction took it. Throws KAFKA_UNAVAILABLE when it can't be read. */
  async #recordAt(partition: number, offset: number): Promise<{ crc: number; timestamp: number } | null> {
    const { options, layout, log, bell, start } = this.#parts
    const leader = layout.leader(partition)
    if (leader === undefined) throw new ProcessorError('KAFKA_UNAVAILABLE', `Nobody leads partition ${partition}`)
    const connection = await log.get()
    const position = { partition, offset, leaderEpoch: leader.leaderEpoch, maxBytes: options.fetchPartitionBytesMax }
    const request = {
      node: leader.leader,
      topic: options.topic,
      topicId: start.topicId,
      positions: [position],
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: options.fetchPartitionBytesMax,
    }
    const answer = await connection.fetch(request, AbortSignal.any([]))
    const fetched = answer.partitions.find((each) => each.partition === partition)
    if (fetched === undefined || fetched.errorCode !== 0) {
      layout.suspect()
      bell.ring()
      throw new ProcessorError(
        'KAFKA_UNAVAILABLE',
        `Kafka answered the fetch of offset ${offset} of partition ${partition} with ${errorName(fetched?.errorCode ?? answer.errorCode)}`,
      )
    }
    const range = readRange(fetched, offset, { plainBytesMax: options.plainBytesMax })
    if (range.error !== null && range.records.length === 0)
      throw new ProcessorError('KAFKA_CORRUPT_BATCH', messageOf(range.error), { cause: range.error })
    const record = range.records.at(0)
    return record?.offset === offset ? { crc: recordCrc(record), timestamp: record.timestamp } : null
  }

  async #end(partition: number, end: 'earliest' | 'latest'): Promise<number> {
    const { options, layout, log } = this.#parts
    const offset = (await logEnds({ layout, log, topic: options.topic }, [partition], end)).get(partition)
    if (offset === undefined)
      throw new ProcessorError('KAFKA_UNAVAILABLE', `Kafka did not say where partition ${partition} ends`)
    return offset
  }

  /** Claims it again after a while; returns the while. */
  #again(position: Position): number {
    const { time } = this.#parts.options
    const attempt = attemptOf(position)
    const retryInMs = backoffMs(attempt, CLAIM_BACKOFF, time.random)
    position.resync(time.clock() + retryInMs, attempt + 1)
    return retryInMs
  }
}

function attemptOf(position: Position): number {
  return position.state.kind === 'claiming' ? position.state.attempt : 0
}

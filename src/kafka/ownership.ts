/**
 * What we own, from the group's word to the last outcome: assigned, handed out, settled; fenced or moved; given back before
 * the group is divided anew, or lost. The ledger's claims are made beside this (partition-claims.ts).
 */
import { failpoint } from '../failpoint.ts'
import type { Ledger } from '../ledger.ts'
import type { CommitOutcome, PartitionRange, RawBatch } from '../pipeline.ts'
import type { HandedOut } from './handed-out.ts'
import type { HintCommitter } from './hint-committer.ts'
import { backoffMs, type Doorbell, within } from './pacing.ts'
import type { Position, Positions } from './positions.ts'
import type { SourceOptions } from './source-options.ts'

const REVOKE_WAIT_MAX_MS = 10_000
const RELEASE_WAIT_MS = 2_000
const FENCE_BACKOFF = { minMs: 100, maxMs: 5_000 }

export interface OwnershipParts {
  readonly options: SourceOptions
  readonly positions: Positions
  readonly handedOut: HandedOut
  readonly hints: HintCommitter
  readonly bell: Doorbell
  /** Aborted when no more is read: what the group gives us then is left alone. */
  readonly reading: AbortSignal
  /** Aborted when nothing is waited for any more. */
  readonly life: AbortSignal
}

export class Ownership {
  readonly #parts: OwnershipParts
  readonly #ledger: Ledger
  #revoking: Promise<void> | null = null

  constructor(parts: OwnershipParts) {
    this.#parts = parts
    this.#ledger = parts.options.ledger
  }

  assigned(partitions: readonly number[]): void {
    const { positions, options, reading, bell } = this.#parts
    if (reading.aborted) return
    positions.assign(partitions, options.time.clock())
    bell.ring()
  }

  /** A batch handed out has become this. */
  settled(batch: RawBatch, outcomes: readonly CommitOutcome[]): void {
    const { handedOut, positions, bell, options } = this.#parts
    if (!handedOut.remove(batch)) return
    for (const range of batch.ranges) {
      const position = positions.get(range.partition)
      if (position === undefined || position.assignment !== range.assignment) continue
      position.outstanding--
      if (range.purpose === 'warm-up') position.progressAtMs = options.time.clock()
      else this.#apply(position, range, outcomes.find((each) => each.range.partition === range.partition) ?? null)
    }
    bell.ring()
  }

  #apply(position: Position, range: PartitionRange, outcome: CommitOutcome | null): void {
    const { options, hints } = this.#parts
    const nowMs = options.time.clock()
    if (outcome?.kind === 'committed' || outcome?.kind === 'duplicate') {
      position.settled(range.to, nowMs)
      hints.note(range.partition, position.stored)
    } else if (position.state.kind === 'closing') {
      return
    } else if (outcome?.kind === 'fenced') {
      options.detector.drop(position.partition)
      position.fence(nowMs)
    } else this.resync(position)
  }

  /** Forgets what was read and begins at the ledger again. */
  resync(position: Position): void {
    const { options, bell } = this.#parts
    options.detector.drop(position.partition)
    position.resync(options.time.clock())
    bell.ring()
  }

  /** The group still lists what it gave us: whoever raised an epoch before this heartbeat was sent came late. */
  stillOurs(sentAtMs: number): void {
    const { positions, options, bell } = this.#parts
    const { time } = options
    for (const position of positions.all) {
      if (position.state.kind !== 'fenced' || position.state.sinceMs >= sentAtMs) continue
      position.resync(time.clock() + backoffMs(position.fences, FENCE_BACKOFF, time.random))
    }
    bell.ring()
  }

  /** While still a member: what was handed out is stored, hints are sent, the ledger's rows are free for the next owner. */
  revoke(): Promise<void> {
    this.#revoking ??= this.#giveBack().finally(() => {
      this.#revoking = null
    })
    return this.#revoking
  }

  async #giveBack(): Promise<void> {
    const { positions, options, hints } = this.#parts
    if (positions.all.length === 0) return
    for (const position of positions.all) position.close()
    failpoint('in_revoke')
    await this.waitSettled(Math.min(options.rebalanceTimeoutMs / 3, REVOKE_WAIT_MAX_MS))
    await hints.flush()
    await this.#release(false)
    this.#letGo('revoked')
  }

  /** Somebody else's already: no commit, no release. During the drain what was read may still be tried: the ledger decides. */
  lost(): void {
    if (!this.#parts.reading.aborted) this.#letGo('lost')
  }

  async stop(): Promise<void> {
    if (this.#parts.handedOut.count === 0) await this.#parts.hints.flush()
    await this.#release(true)
    this.#letGo('stopped')
  }

  /** Until everything handed out is settled, the time is over, or nobody waits any more. */
  async waitSettled(ms: number): Promise<void> {
    const { options, handedOut, bell, life } = this.#parts
    const untilMs = options.time.clock() + ms
    while (handedOut.count > 0 && !life.aborted) {
      const leftMs = untilMs - options.time.clock()
      if (leftMs <= 0) return
      await bell.wait(leftMs, options.time, life)
    }
  }

  #letGo(how: 'revoked' | 'lost' | 'stopped'): void {
    const { positions, options, hints, bell } = this.#parts
    const partitions = positions.partitions
    hints.clear()
    if (partitions.length === 0) return
    positions.clear()
    for (const partition of partitions) options.detector.drop(partition)
    options.events.partitionsRevoked({ partitions, how })
    bell.ring()
  }

  async #release(leaving: boolean): Promise<void> {
    const { positions, options } = this.#parts
    if (positions.all.length > 0)
      await within(RELEASE_WAIT_MS, this.#ledger.release(positions.partitions, { leaving }), options.time)
  }
}

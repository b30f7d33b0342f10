/**
 * Tells Kafka where the ledger stands, for lag tools: coalesced, at most once a second, and never in anybody's way. Nothing
 * ever reads it back but the very first start.
 */

import type { Events } from '../events.ts'
import { failpoint } from '../failpoint.ts'
import { type Doorbell, rest, type Time } from './pacing.ts'

const EVERY_MS = 1_000
const RETRY_MAX_MS = 30_000

export interface HintCommitterParts {
  readonly commit: (offsets: readonly { partition: number; offset: number; leaderEpoch: number }[]) => Promise<void>
  readonly events: Events
  readonly time: Time
  readonly bell: Doorbell
}

export class HintCommitter {
  readonly #parts: HintCommitterParts
  #hints = new Map<number, number>()
  #failures = 0

  constructor(parts: HintCommitterParts) {
    this.#parts = parts
  }

  note(partition: number, offset: number): void {
    this.#hints.set(partition, offset)
  }

  clear(): void {
    this.#hints = new Map()
  }

  async run(signal: AbortSignal): Promise<void> {
    const { time, bell } = this.#parts
    while (!signal.aborted) {
      await rest(Math.min(EVERY_MS * 2 ** this.#failures, RETRY_MAX_MS), time, signal)
      if (this.#hints.size === 0) await bell.wait(Number.POSITIVE_INFINITY, time, signal)
      else if (!signal.aborted) await this.flush()
    }
  }

  /** Never rejects. What was refused is tried again with the next ones, unless the partitions were given back meanwhile. */
  async flush(): Promise<void> {
    const hints = this.#hints
    if (hints.size === 0) return
    const sent = [...hints]
    hints.clear()
    try {
      failpoint('before_kafka_commit')
      await this.#parts.commit(sent.map(([partition, offset]) => ({ partition, offset, leaderEpoch: -1 })))
      failpoint('after_kafka_commit')
      this.#failures = 0
    } catch (error) {
      this.#failures++
      this.#parts.events.commitHintFailed(error)
      for (const [partition, offset] of sent) if (!hints.has(partition)) hints.set(partition, offset)
    }
  }
}

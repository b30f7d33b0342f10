/**
 * Nothing may stand still in silence: a partition with something to read, nothing on its way and no progress for 30 s is read
 * again from the ledger; the second time membership and connections are replaced; the third time the process gives up.
 * It asks the brokers itself, so that a fetch that never returns does not hide the log's end from it.
 */
import type { Events } from '../events.ts'
import { rest, type Time } from './pacing.ts'
import type { Position, Positions } from './positions.ts'

const EVERY_MS = 10_000
const PATIENCE_MS = 30_000

export interface WatchdogParts {
  readonly positions: Positions
  readonly events: Events
  readonly time: Time
  readonly paused: () => boolean
  /** First readable offset past the end of each partition. */
  readonly ends: (partitions: readonly number[]) => Promise<ReadonlyMap<number, number>>
  readonly reseek: (position: Position) => void
  readonly recreate: () => Promise<void>
  readonly giveUp: (partition: number) => void
}

export class Watchdog {
  readonly #parts: WatchdogParts
  /** Survives new assignments: replacing them is one of the cures that may fail. */
  readonly #stalls = new Map<number, { steps: number; stored: number }>()

  constructor(parts: WatchdogParts) {
    this.#parts = parts
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await rest(EVERY_MS, this.#parts.time, signal)
      if (!signal.aborted) await this.look()
    }
  }

  /** Never rejects: while the brokers don't say where the logs end, nobody can tell that anything stands still. */
  async look(): Promise<void> {
    const { positions, ends } = this.#parts
    if (positions.all.length === 0) return
    const found = await ends(positions.partitions).catch(() => null)
    if (found === null) return
    for (const position of positions.all) {
      const end = found.get(position.partition)
      // What was done about another one may have ended its assignment.
      if (end === undefined || positions.get(position.partition) !== position) continue
      position.endOffset = end
      const stall = this.#stalls.get(position.partition)
      if (stall !== undefined && position.stored > stall.stored) this.#stalls.delete(position.partition)
      if (this.#stands(position, end)) await this.#act(position)
    }
  }

  #stands(position: Position, end: number): boolean {
    const { paused, time } = this.#parts
    const reading = position.state.kind === 'running' || position.state.kind === 'verifying'
    return (
      reading &&
      end > position.expected &&
      position.quiet &&
      !paused() &&
      time.clock() - position.progressAtMs >= PATIENCE_MS
    )
  }

  async #act(position: Position): Promise<void> {
    const { events, time, reseek, recreate, giveUp } = this.#parts
    const { partition, stored } = position
    const steps = (this.#stalls.get(partition)?.steps ?? 0) + 1
    this.#stalls.set(partition, { steps, stored })
    position.progressAtMs = time.clock()
    if (steps === 1) {
      events.watchdogFired({ partition, step: 'reseek' })
      return reseek(position)
    }
    if (steps === 2) {
      events.watchdogFired({ partition, step: 'recreate' })
      return await recreate()
    }
    events.watchdogFired({ partition, step: 'exit' })
    giveUp(partition)
  }
}

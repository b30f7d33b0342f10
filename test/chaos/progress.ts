/** How long harm is felt: until every partition has moved on, or has nothing left. One look at the ledger serves everybody who asks. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Longer than the watchdog's own on a machine that is busy elsewhere. */
const PATIENCE_MS = 90_000
const LOOK_MS = 150

export type Positions = ReadonlyMap<number, number>

export interface ProgressParts {
  /** Where the ledger stands, by partition. */
  readonly ledger: () => Promise<Positions>
  /** Where the topic ends, by partition. */
  readonly ends: () => Promise<Positions>
  /** Monotonic, ms. */
  readonly clock?: () => number
  readonly pause?: (ms: number) => Promise<unknown>
}

/** `stood`: the partitions that did not move for the whole patience; none where all did. */
export interface Recovery {
  readonly ms: number
  readonly stood: readonly number[]
}

interface Waiter {
  readonly startedMs: number
  readonly tell: (recovery: Recovery) => void
  before: Positions | null
  stood: readonly number[]
  movedMs: number
}

export class Progress {
  readonly #parts: Required<ProgressParts>
  readonly #waiters = new Set<Waiter>()
  #looking = false

  constructor(parts: ProgressParts) {
    this.#parts = { clock: () => performance.now(), pause: (ms) => sleep(ms), ...parts }
  }

  /** From now on. Never rejects: a world that cannot be asked has not moved on. */
  recovery(): Promise<Recovery> {
    const startedMs = this.#parts.clock()
    return new Promise((tell) => {
      this.#waiters.add({ startedMs, tell, before: null, stood: [], movedMs: startedMs })
      if (!this.#looking) void this.#look()
    })
  }

  async #look(): Promise<void> {
    const { ledger, ends, pause } = this.#parts
    this.#looking = true
    while (this.#waiters.size > 0) {
      const asked = [...this.#waiters]
      const now = await ledger().catch(() => null)
      // Asked after the ledger: what came meanwhile may count as waiting, never what is stored already.
      let end: Positions | null | undefined
      for (const waiter of asked) {
        if (now !== null && waiter.before !== null) {
          const unmoved = [...waiter.before].filter(([part, next]) => now.get(part) === next).map(([part]) => part)
          if (unmoved.length > 0 && end === undefined) end = await ends().catch(() => null)
          const stood = unmoved.filter((part) => (now.get(part) ?? -1) < (end?.get(part) ?? Number.POSITIVE_INFINITY))
          this.#judge(waiter, stood)
        } else this.#impatient(waiter)
        waiter.before ??= now
      }
      if (this.#waiters.size > 0) await pause(LOOK_MS)
    }
    this.#looking = false
  }

  #judge(waiter: Waiter, stood: readonly number[]): void {
    if (stood.length !== waiter.stood.length) waiter.movedMs = this.#parts.clock()
    waiter.stood = stood
    if (stood.length === 0) this.#end(waiter, [])
    else this.#impatient(waiter)
  }

  #impatient(waiter: Waiter): void {
    if (this.#parts.clock() - waiter.movedMs < PATIENCE_MS) return
    this.#end(waiter, waiter.stood.length === 0 ? [...(waiter.before?.keys() ?? [])] : waiter.stood)
  }

  #end(waiter: Waiter, stood: readonly number[]): void {
    this.#waiters.delete(waiter)
    waiter.tell({ ms: Math.round(this.#parts.clock() - waiter.startedMs), stood })
  }
}

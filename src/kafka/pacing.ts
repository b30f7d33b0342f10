/** Time as the Kafka side sees it: handed in as a whole, so that a simulation can own it; and the two ways of waiting. */

export interface Time {
  /** Monotonic, in ms. */
  readonly clock: () => number
  /** Wall clock, in ms since 1970. */
  readonly now: () => number
  /** May resolve or reject when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** In [0, 1). */
  readonly random: () => number
}

export interface BackoffLimits {
  readonly minMs: number
  readonly maxMs: number
}

/** Exponential with full jitter, never below minMs. The first attempt is 0. */
export function backoffMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  const ceiling = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(attempt, 20))
  return Math.round(limits.minMs + random() * (ceiling - limits.minMs))
}

/** Sleeps and never rejects; returns early when the signal aborts. */
export async function rest(ms: number, time: Time, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await time.sleep(ms, signal).catch(() => undefined)
}

/** Resolves when the promise does, whatever it becomes, or after `ms`; never rejects. */
export async function within(ms: number, promise: Promise<unknown>, time: Time): Promise<void> {
  const over = new AbortController()
  await Promise.race([promise.catch(() => undefined), rest(ms, time, over.signal)])
  over.abort()
}

/**
 * Something changed: look again. Every loop of the source waits on one bell and then checks its own condition, so that no
 * loop needs to know who else might care. A ring between the check and the wait can't be missed: both are in one turn.
 */
export class Doorbell {
  readonly #waiting = new Set<() => void>()

  ring(): void {
    for (const wake of this.#waiting) wake()
  }

  /**
   * Resolves at the next ring, after `ms`, or when the signal aborts; never rejects. A wait that is over leaves nothing behind, and
   * is not awaited in a race with a promise that outlives it: that one would remember every race.
   */
  wait(ms: number, time: Time, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const over = ms === Number.POSITIVE_INFINITY ? null : new AbortController()
    const wake = (): void => {
      this.#waiting.delete(wake)
      signal.removeEventListener('abort', wake)
      over?.abort()
      resolve()
    }
    this.#waiting.add(wake)
    signal.addEventListener('abort', wake)
    if (over !== null) time.sleep(ms, over.signal).then(wake, wake)
    return promise
  }
}

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
  #ring: () => void = () => undefined
  #rung: Promise<void> = Promise.resolve()

  constructor() {
    this.#renew()
  }

  ring(): void {
    const ring = this.#ring
    this.#renew()
    ring()
  }

  /** Resolves at the next ring, after `ms`, or when the signal aborts; never rejects. */
  async wait(ms: number, time: Time, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const over = new AbortController()
    const stop = (): void => over.abort()
    signal.addEventListener('abort', stop, { once: true })
    const aborted = new Promise<void>((resolve) =>
      over.signal.addEventListener('abort', () => resolve(), { once: true }),
    )
    const slept = ms === Number.POSITIVE_INFINITY ? aborted : rest(ms, time, over.signal)
    await Promise.race([this.#rung, slept, aborted])
    signal.removeEventListener('abort', stop)
    over.abort()
  }

  #renew(): void {
    this.#rung = new Promise((resolve) => {
      this.#ring = resolve
    })
  }
}

/** A clock that moves only when told, and the timers on it. */
import type { Time } from '../../src/kafka/pacing.ts'

export class FakeClock {
  nowMs = 1_000_000
  /** What `random` answers. */
  randomness = 0.5
  readonly #timers: { atMs: number; run: () => void }[] = []

  readonly time: Time = {
    clock: () => this.nowMs,
    now: () => 1_764_700_000_000 + this.nowMs,
    random: () => this.randomness,
    sleep: (ms, signal) => this.#sleep(ms, signal),
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const timer = { atMs: this.nowMs + ms, run: resolve }
      this.#timers.push(timer)
      signal.addEventListener(
        'abort',
        () => {
          const at = this.#timers.indexOf(timer)
          if (at >= 0) this.#timers.splice(at, 1)
          resolve()
        },
        { once: true },
      )
    })
  }

  /** Lets everything run that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  async advance(ms: number): Promise<void> {
    const end = this.nowMs + ms
    await this.settle()
    for (let next = this.#next(end); next !== null; next = this.#next(end)) {
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
      await this.settle()
    }
    this.nowMs = end
  }

  /** Moves from timer to timer until the condition holds; throws when it doesn't within the given fake time. */
  async until(what: string, condition: () => boolean, withinMs = 120_000): Promise<void> {
    const end = this.nowMs + withinMs
    await this.settle()
    while (!condition()) {
      const next = this.#next(end)
      if (next === null) throw new Error(`not within ${withinMs} ms of fake time: ${what}`)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.run()
      await this.settle()
    }
  }

  #next(endMs: number): { atMs: number; run: () => void } | null {
    let first: { atMs: number; run: () => void } | null = null
    for (const timer of this.#timers)
      if (timer.atMs <= endMs && (first === null || timer.atMs < first.atMs)) first = timer
    if (first !== null) this.#timers.splice(this.#timers.indexOf(first), 1)
    return first
  }
}

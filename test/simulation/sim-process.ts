/**
 * A process as the operating system sees it: it runs, is stopped (everything that reaches it waits) or is dead (nothing reaches it
 * any more, and its connections are closed). Its timers are events of the schedule.
 */
import type { Time } from '../../src/kafka/pacing.ts'
import type { Dice } from './dice.ts'
import type { Schedule } from './schedule.ts'

/** 2025-12-02T00:00:00Z, where the simulated wall clocks begin. */
export const WALL_START_MS = 1_764_633_600_000

export class SimProcess {
  readonly #schedule: Schedule
  readonly #inbox: (() => void)[] = []
  readonly #atDeath: (() => void)[] = []
  #state: 'running' | 'stopped' | 'dead' = 'running'
  /** How far its wall clock is off. */
  wallOffsetMs = 0
  readonly time: Time

  constructor(schedule: Schedule, dice: Dice) {
    this.#schedule = schedule
    this.time = {
      clock: () => schedule.nowMs,
      now: () => WALL_START_MS + schedule.nowMs + this.wallOffsetMs,
      random: () => dice.next(),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    }
  }

  get state(): 'running' | 'stopped' | 'dead' {
    return this.#state
  }

  /** Something reaches the process: an answer, a timer. */
  deliver(act: () => void): void {
    if (this.#state === 'running') act()
    else if (this.#state === 'stopped') this.#inbox.push(act)
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped'
  }

  /** SIGCONT: what waited arrives, one thing after the other. */
  resume(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    for (const act of this.#inbox.splice(0)) this.#schedule.after(0, () => this.deliver(act))
  }

  /** SIGKILL, or the end. */
  die(): void {
    if (this.#state === 'dead') return
    this.#state = 'dead'
    this.#inbox.length = 0
    for (const act of this.#atDeath.splice(0)) act()
  }

  atDeath(act: () => void): void {
    this.#atDeath.push(act)
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.#schedule.after(ms, () => this.deliver(over))
    const schedule = this.#schedule
    function over(): void {
      schedule.cancel(timer)
      signal.removeEventListener('abort', over)
      resolve()
    }
    signal.addEventListener('abort', over)
    return promise
  }
}

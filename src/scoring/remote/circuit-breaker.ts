/**
 * Whether it is worth asking the engine. A state machine without timers: time is asked for, and nothing happens between calls.
 *
 *   closed     asked. Opens when failures in a row weigh `weightMax`, or half of the last 20 calls failed.
 *   open       not asked until a pause is over, which grows from `pauseMs` to `pauseMsMax`.
 *   half_open  one trial is out. It closes or opens again.
 *
 * The pause does not shrink when the breaker closes, only when it stays closed for `calmMs`: an engine that comes and goes is
 * tried ever more rarely, while the usual breaker, whose pause begins anew each time, would follow every turn of it.
 */
import type { EngineBreakerState as BreakerState } from '../../events.ts'

export interface BreakerOptions {
  /** Monotonic, in ms. */
  readonly clock: () => number
  readonly random: () => number
  readonly moved: (what: { state: BreakerState; reason: string; pauseMs: number }) => void
  readonly weightMax?: number
  readonly pauseMs?: number
  readonly pauseMsMax?: number
  readonly calmMs?: number
}

const CALLS = 20
const CALLS_MIN = 10
/** Of the pause: several workers should not try at the same moment. */
const JITTER = 0.2

export class CircuitBreaker {
  readonly #options: Required<BreakerOptions>
  #state: BreakerState = 'closed'
  #reason = ''
  #weightInRow = 0
  /** The last calls, newest last. */
  #failed: boolean[] = []
  #nextPauseMs: number
  #untilMs = 0
  #closedAtMs: number

  constructor(options: BreakerOptions) {
    this.#options = { weightMax: 3, pauseMs: 1_000, pauseMsMax: 30_000, calmMs: 60_000, ...options }
    this.#nextPauseMs = this.#options.pauseMs
    this.#closedAtMs = options.clock()
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Why it opened last; '' if it never did. */
  get reason(): string {
    return this.#reason
  }

  /** `trial` moves an open breaker whose pause is over to half open: its outcome must be told. */
  ask(): 'yes' | 'trial' | 'no' {
    switch (this.#state) {
      case 'closed':
        return 'yes'
      case 'half_open':
        return 'no'
      case 'open':
        if (this.#options.clock() < this.#untilMs) return 'no'
        this.#move('half_open', this.#reason, 0)
        return 'trial'
    }
  }

  succeeded(): void {
    this.#weightInRow = 0
    this.#note(false)
    if (this.#state === 'closed') return
    this.#failed = []
    this.#closedAtMs = this.#options.clock()
    this.#move('closed', '', 0)
  }

  /** `weight`: a failure that took the whole deadline counts more than one that was noticed at once. */
  failed(reason: string, weight = 1): void {
    this.#weightInRow += weight
    this.#note(true)
    const failures = this.#failed.filter(Boolean).length
    const often = this.#failed.length >= CALLS_MIN && failures * 2 >= this.#failed.length
    if (this.#state === 'closed' && this.#weightInRow < this.#options.weightMax && !often) return
    this.#open(reason)
  }

  #open(reason: string): void {
    const { clock, random, pauseMs, pauseMsMax, calmMs } = this.#options
    const nowMs = clock()
    if (this.#state === 'closed' && nowMs - this.#closedAtMs >= calmMs) this.#nextPauseMs = pauseMs
    const pause = this.#nextPauseMs * (1 + JITTER * (2 * random() - 1))
    this.#nextPauseMs = Math.min(pauseMsMax, this.#nextPauseMs * 2)
    this.#untilMs = nowMs + pause
    this.#weightInRow = 0
    this.#move('open', reason, pause)
  }

  #note(failed: boolean): void {
    this.#failed.push(failed)
    if (this.#failed.length > CALLS) this.#failed.shift()
  }

  #move(state: BreakerState, reason: string, pauseMs: number): void {
    this.#state = state
    if (state === 'open') this.#reason = reason
    this.#options.moved({ state, reason, pauseMs })
  }
}

/**
 * When the engine is asked, about how many logs, and for how long the pipeline waits. One question is out at a time. It runs beside
 * the pipeline to its answer or its deadline, and how it ended judges the engine; the batch it is about may have gone on long before.
 *
 *   the engine's last answer     asked about                  waited for, beyond the storing of the batch before
 *   came, nothing waits          all                          to the deadline
 *   came, the pipeline is busy   as much as comes in time     as `Patience` allows
 *   did not come, or none yet    a few logs                   not at all
 *
 * Busy: more logs wait than a batch takes. (The very first question of a pipeline that has nothing else to do is waited for, too.) So
 * an engine that does not answer costs the one wait in which it stopped, and in any time T, whatever it does, a busy pipeline stands
 * still for at most
 *
 *   `Patience`'s account + its share of T + writing one question down
 */
import type { LogEvent } from '../../log.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { RemoteVerdict } from './engine-words.ts'
import type { Patience } from './patience.ts'
import { QuestionSize, TRIAL_LOGS } from './question-size.ts'
import type { Asking, Outcome, RemoteEngine } from './remote-engine.ts'

/** What the pipeline is doing beside scoring. */
export interface Line {
  /** More logs wait than one batch takes: time lost now is throughput lost. */
  behind(): boolean
  /** Resolves when the batch before is stored; null when none is being stored. */
  storing(): Promise<unknown> | null
}

export interface QuestionOptions {
  readonly engine: RemoteEngine
  readonly breaker: CircuitBreaker
  readonly patience: Patience
  readonly line: Line
  /** Of a question, in ms. */
  readonly deadlineMs: number
  /** Monotonic, in ms. */
  readonly clock: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Told once a question, when it has ended: `tookMs` after it was asked. */
  readonly asked: (what: { readonly outcome: Outcome; readonly tookMs: number }) => void
}

/** A deadline that passed weighs as much as two failures noticed at once. */
const LATE_WEIGHT = 2

export interface Question {
  readonly asking: Asking
  /** When it has ended and the engine is judged. */
  readonly settled: Promise<void>
  readonly trusting: boolean
  /** Of writing it down, in ms. */
  readonly encodedMs: number
}

export interface Answers {
  /** By place of the log; null, or beyond the end, where there is none. */
  readonly verdicts: readonly (RemoteVerdict | null)[]
  /** For how long the pipeline had nothing else to do, in ms. */
  readonly stalledMs: number
}

export class EngineQuestions {
  readonly #options: QuestionOptions
  #engine: 'unknown' | 'answering' | 'failing' = 'unknown'
  #out: Asking | null = null
  readonly #size = new QuestionSize()
  #closed = false

  constructor(options: QuestionOptions) {
    this.#options = options
  }

  /** null where asking is not worth it now. */
  ask(events: readonly LogEvent[]): Question | null {
    const { breaker, patience, line, engine, clock } = this.#options
    if (events.length === 0 || this.#out !== null || this.#closed) return null
    const behind = line.behind()
    const trusting = this.#engine === 'answering' || (this.#engine === 'unknown' && !behind)
    if (trusting && behind && patience.leftMs <= 0) return null
    const turn = breaker.ask()
    if (turn === 'no') return null
    if (turn === 'trial') engine.forget()
    const startedMs = clock()
    const logsMax = !trusting ? TRIAL_LOGS : behind ? this.#size.logs : events.length
    const asking = engine.ask(events.length <= logsMax ? events : events.slice(0, logsMax))
    this.#out = asking
    return { asking, settled: this.#settle(asking, startedMs), trusting, encodedMs: clock() - startedMs }
  }

  /** What has been answered when the pipeline has to go on. */
  async answers({ asking, settled, trusting, encodedMs }: Question): Promise<Answers> {
    const { patience, line, clock } = this.#options
    const storing = line.storing()
    if (storing !== null) await Promise.race([settled, storing])
    const idleMs = clock()
    const behind = line.behind()
    if (trusting) await this.#wait(settled, behind ? patience.leftMs : Number.POSITIVE_INFINITY)
    const answered = asking.verdicts.some((verdict) => verdict !== null)
    if (answered) {
      // Log by log, only some may be; the rest would come too late.
      asking.stop()
      await settled
    } else asking.leave()
    const stalledMs = clock() - idleMs + (answered ? 0 : encodedMs)
    if (behind || line.behind()) patience.spend(stalledMs)
    if (behind && trusting)
      this.#size.learn({ logs: asking.verdicts.length, answered, stalledMs, leftShare: patience.leftShare })
    return { verdicts: answered ? asking.verdicts : [], stalledMs }
  }

  /** Ends the question that is out; none is asked any more. */
  close(): void {
    this.#closed = true
    this.#out?.stop()
  }

  async #wait(settled: Promise<void>, ms: number): Promise<void> {
    if (this.#out === null || ms <= 0) return
    if (ms === Number.POSITIVE_INFINITY) return settled
    const over = new AbortController()
    const timer = this.#options.sleep(ms, over.signal).catch(() => undefined)
    await Promise.race([settled, timer])
    over.abort()
    await timer
  }

  async #settle(asking: Asking, startedMs: number): Promise<void> {
    const { breaker, deadlineMs, clock, sleep, asked } = this.#options
    const overdue = new AbortController()
    const deadline = sleep(Math.max(0, deadlineMs - (clock() - startedMs)), overdue.signal).then(
      () => asking.stop(),
      () => undefined,
    )
    const outcome = await asking.ended
    overdue.abort()
    await deadline
    this.#out = null
    if (this.#closed) return
    const answered = outcome.kind === 'answered'
    this.#engine = answered ? 'answering' : 'failing'
    if (!answered) this.#size.reset()
    if (answered) breaker.succeeded()
    else breaker.failed(outcome.reason, outcome.kind === 'late' ? LATE_WEIGHT : 1)
    asked({ outcome, tookMs: clock() - startedMs })
  }
}

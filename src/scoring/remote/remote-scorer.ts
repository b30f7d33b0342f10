/**
 * The scorer of the line where ML_ENGINE_URL names an engine. The model in the process judges and learns every log all the same,
 * so that it is warm whenever the engine is not there; an answer in time replaces score and flag.
 *
 *   ranges of a batch -> one question ---------------------> answers, or the deadline --> merged by place
 *                    \-> the model judges and learns meanwhile ----------------------/
 *
 * One wait a batch. While the batch before is being stored the wait costs nothing; beyond that, and while more logs wait than a
 * batch takes, it is paid out of `Patience`. Failures are `CircuitBreaker`'s business. An engine that has not shown yet that it answers,
 * or failed to lately, is asked about a few logs, and not waited for as long: so finding out that it is frozen costs little.
 */
import type { LogEvent, ScoredLog } from '../../log.ts'
import type { PartitionRange, Scorer } from '../../pipeline.ts'
import { ruledLog } from '../rule-scorer.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { RemoteVerdict } from './engine-words.ts'
import type { Patience } from './patience.ts'
import type { Asking, Outcome, RemoteEngine } from './remote-engine.ts'

/** What the pipeline is doing beside scoring. */
export interface Line {
  /** More logs wait than one batch takes: time lost now is throughput lost. */
  behind(): boolean
  /** Resolves when the batch before is stored; null when none is being stored. */
  storing(): Promise<unknown> | null
}

export interface RemoteScorerOptions {
  readonly model: Scorer
  readonly engine: RemoteEngine
  readonly breaker: CircuitBreaker
  readonly patience: Patience
  readonly line: Line
  /** Of a whole batch, in ms. */
  readonly deadlineMs: number
  /** Who judges what the engine does not answer. */
  readonly fallback: 'model' | 'rules'
  /** Monotonic, in ms. */
  readonly clock: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Told once a batch. */
  readonly asked: (what: Asked) => void
}

interface Asked {
  /** null: the engine was not asked. */
  readonly outcome: Outcome | null
  readonly logs: number
  readonly answered: number
  /** From the question to the answers or the end of waiting; the model judged meanwhile. */
  readonly waitedMs: number
  /** Of that, what the pipeline had nothing else to do. */
  readonly stalledMs: number
}

/** Of an engine that has yet to show that it answers: so many logs, and while others wait the pipeline stands still for so many ms. */
const TRIAL_LOGS = 500
const TRIAL_STALL_MS = 100
/** A deadline that passed weighs as much as two failures noticed at once. */
const LATE_WEIGHT = 2

const UNANSWERED = 'the ML engine did not answer in time'

interface Group {
  readonly events: readonly LogEvent[]
  readonly purpose: PartitionRange['purpose']
  readonly asks: boolean
  readonly resolve: (logs: readonly ScoredLog[]) => void
}

export class RemoteScorer implements Scorer {
  readonly #options: RemoteScorerOptions
  #groups: Group[] = []
  /** The last question was answered. */
  #proven = false

  constructor(options: RemoteScorerOptions) {
    this.#options = options
  }

  /** Calls of one turn are asked about together. Records that are only learned again are not asked about. */
  score(events: readonly LogEvent[], purpose: PartitionRange['purpose']): Promise<readonly ScoredLog[]> {
    return new Promise((resolve, reject) => {
      this.#groups.push({ events, purpose, asks: purpose === 'store' && events.length > 0, resolve })
      if (this.#groups.length > 1) return
      queueMicrotask(() => {
        const groups = this.#groups
        this.#groups = []
        this.#scoreTogether(groups).catch(reject)
      })
    })
  }

  snapshot(...of: Parameters<Scorer['snapshot']>): ReturnType<Scorer['snapshot']> {
    return this.#options.model.snapshot(...of)
  }

  alerts(partition: number): ReturnType<Scorer['alerts']> {
    return this.#options.model.alerts(partition)
  }

  async #scoreTogether(groups: readonly Group[]): Promise<void> {
    const { model, clock, asked } = this.#options
    const asking = groups.filter((group) => group.asks)
    const events = asking.length === 1 ? asking[0]!.events : asking.flatMap((group) => group.events)
    const startedMs = clock()
    const question = events.length === 0 ? null : this.#ask(events)
    const askedMs = clock()
    const judged: (readonly ScoredLog[])[] = []
    for (const group of groups) judged.push(await model.score(group.events, group.purpose))
    let verdicts: Asking['verdicts'] = []
    if (question !== null) {
      const { outcome, stalledMs } = await this.#answers(question, { startedMs, encodedMs: askedMs - startedMs })
      verdicts = question.verdicts
      const waitedMs = clock() - startedMs
      asked({ outcome, logs: events.length, answered: countOf(verdicts), waitedMs, stalledMs })
    } else if (events.length > 0) {
      asked({ outcome: null, logs: events.length, answered: 0, waitedMs: 0, stalledMs: 0 })
    }
    let from = 0
    for (const [at, group] of groups.entries()) {
      const logs = judged[at]!
      group.resolve(group.asks ? this.#merged(logs, verdicts, from) : logs)
      if (group.asks) from += logs.length
    }
  }

  /** null where asking is not worth it now. */
  #ask(events: readonly LogEvent[]): Asking | null {
    const { breaker, patience, line, engine } = this.#options
    if (patience.leftMs <= 0 && line.behind()) return null
    switch (breaker.ask()) {
      case 'no':
        return null
      case 'yes':
        return engine.ask(this.#proven || !line.behind() ? events : events.slice(0, TRIAL_LOGS))
      case 'trial':
        engine.forget()
        return engine.ask(events.slice(0, TRIAL_LOGS))
    }
  }

  /** Waits for the answers until the deadline, and settles what that cost. */
  async #answers(question: Asking, spent: { startedMs: number; encodedMs: number }) {
    const { breaker, patience, line, deadlineMs, clock, sleep } = this.#options
    const overdue = new AbortController()
    const leftMs = Math.max(0, deadlineMs - (clock() - spent.startedMs))
    const stopAfter = (ms: number): Promise<void> =>
      sleep(ms, overdue.signal).then(
        () => question.stop(),
        () => undefined,
      )
    const deadline = stopAfter(leftMs)
    const ended = question.ended.finally(() => overdue.abort())
    const storing = line.storing()
    if (storing !== null) await Promise.race([ended, storing])
    const idleMs = clock()
    const patient = this.#proven || !line.behind() ? null : stopAfter(TRIAL_STALL_MS)
    const outcome = await ended
    await Promise.all([deadline, patient])
    const failed = outcome.kind !== 'answered'
    this.#proven = !failed
    const stalledMs = clock() - idleMs + (failed ? spent.encodedMs : 0)
    if (line.behind()) patience.spend(stalledMs)
    if (failed) breaker.failed(outcome.reason, outcome.kind === 'late' ? LATE_WEIGHT : 1)
    else breaker.succeeded()
    return { outcome, stalledMs }
  }

  /** Answers in the place of the model's judgements; the logs without one as `fallback` says. */
  #merged(logs: readonly ScoredLog[], verdicts: Asking['verdicts'], from: number): readonly ScoredLog[] {
    const rules = this.#options.fallback === 'rules'
    if (verdicts.length <= from && !rules) return logs
    return logs.map((log, i) => {
      const verdict = verdicts[from + i]
      if (verdict !== null && verdict !== undefined) return remoteLog(log, verdict)
      return rules ? ruledLog(log.event, UNANSWERED) : log
    })
  }
}

function countOf(verdicts: Asking['verdicts']): number {
  return verdicts.reduce((sum, each) => sum + (each === null ? 0 : 1), 0)
}

/** An anomaly is explained: by the engine, else by the model where it agrees, else by who said so. */
function remoteLog(log: ScoredLog, { score, isAnomaly, explanation }: RemoteVerdict): ScoredLog {
  const ours = log.source === 'model' ? log.explanation : null
  const why = isAnomaly ? (explanation ?? ours ?? explained(score)) : null
  return { event: log.event, score, isAnomaly, source: 'remote', explanation: why }
}

function explained(score: number): string {
  const rounded = Number(score.toPrecision(3))
  return JSON.stringify({ top: 'remote', score: rounded, why: `the ML engine scored it ${rounded} and gave no reason` })
}

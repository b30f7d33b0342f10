/**
 * Asks one engine about some logs: all in one call where it offers /score/batch, else log by log over a few connections, as the
 * original's contract wants. Which of the two is found out by asking.
 */
import { messageOf } from '../../errors.ts'
import type { EngineOutcome } from '../../events.ts'
import type { LogEvent } from '../../log.ts'
import type { Call, EngineClient, Reply } from './engine-client.ts'
import { batchQuestion, type RemoteVerdict, readBatchAnswer, readSingleAnswer, singleQuestion } from './engine-words.ts'

/** How asking ended; `answered` also where only some of the logs were. */
export interface Outcome {
  readonly kind: EngineOutcome
  readonly reason: string
}

/** A question that is out. */
export interface Asking {
  /** By place of the log; null until, and unless, it has a usable answer. Final after `stop`. */
  readonly verdicts: readonly (RemoteVerdict | null)[]
  /** Never rejects. */
  readonly ended: Promise<Outcome>
  /** The logs are somebody else's from now on: nothing more is asked about them; what is out may still be answered. */
  leave(): void
  /** Ends whatever is still out. */
  stop(): void
}

export interface RemoteEngineOptions {
  readonly client: Pick<EngineClient, 'post'>
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
}

const LOGS_PER_CALL_MAX = 10_000
const MIB = 1024 * 1024
const ANSWER_BYTES_MAX = 8 * MIB
const ANSWER_BYTES_PER_LOG = 64 * 1024
/** Calls at once where logs are asked one by one. */
const SINGLE_CALLS_MAX = 8
/** In a row, log by log: the rest of the batch is not tried. */
const SINGLE_FAILURES_MAX = 3
const RETRY_MS = 10
const RETRY_JITTER_MS = 20

const ANSWERED: Outcome = { kind: 'answered', reason: '' }
const STOPPED: Outcome = { kind: 'late', reason: 'no answer in time' }

export class RemoteEngine {
  readonly #options: RemoteEngineOptions
  #mode: 'batch' | 'single' = 'batch'
  /** The original answers 500 to a log without a latency; once seen, such logs are not asked about. */
  #needsLatency = false

  constructor(options: RemoteEngineOptions) {
    this.#options = options
  }

  get mode(): 'batch' | 'single' {
    return this.#mode
  }

  /** Another engine may answer from now on. */
  forget(): void {
    this.#mode = 'batch'
    this.#needsLatency = false
  }

  ask(events: readonly LogEvent[]): Asking {
    const stopping = new AbortController()
    const verdicts = new Array<RemoteVerdict | null>(events.length).fill(null)
    const question: Question = { events, verdicts, signal: stopping.signal, calls: new Set(), left: false }
    return {
      verdicts,
      ended: this.#answer(question).catch((error) => ({ kind: 'unreachable', reason: messageOf(error) })),
      leave: () => {
        question.left = true
      },
      stop: () => {
        stopping.abort()
        for (const call of question.calls) call.cancel()
      },
    }
  }

  async #answer(question: Question): Promise<Outcome> {
    if (this.#mode === 'batch') {
      const outcome = await this.#askInBatches(question)
      if (outcome !== null) return outcome
      this.#mode = 'single'
    }
    return this.#askOneByOne(question)
  }

  /** null: the engine has no such route. */
  async #askInBatches(question: Question): Promise<Outcome | null> {
    const { events, verdicts } = question
    for (let from = 0; from < events.length && !question.left; from += LOGS_PER_CALL_MAX) {
      const some = events.slice(from, from + LOGS_PER_CALL_MAX)
      const body = batchQuestion(some)
      const bytesMax = Math.min(ANSWER_BYTES_MAX, ANSWER_BYTES_PER_LOG * some.length)
      const reply = await this.#twice(question, '/score/batch?brief=1&explain=anomalies', body, bytesMax)
      if (reply.kind !== 'answered') return reply.kind === 'cancelled' && from > 0 ? ANSWERED : failureOf(reply)
      if (reply.status === 404 || reply.status === 405 || reply.status === 501) return null
      if (reply.status !== 200) return { kind: 'refused', reason: `status ${reply.status}` }
      if (question.signal.aborted) return from > 0 ? ANSWERED : STOPPED
      const answers = readBatchAnswer(reply.body, some.length)
      if (typeof answers === 'string') return { kind: 'garbled', reason: answers }
      for (const [i, verdict] of answers.entries()) verdicts[from + i] = verdict
    }
    return ANSWERED
  }

  async #askOneByOne(question: Question): Promise<Outcome> {
    const progress: Progress = { next: 0, answered: 0, failuresInRow: 0, last: ANSWERED }
    const callers = Math.min(SINGLE_CALLS_MAX, question.events.length)
    await Promise.all(Array.from({ length: callers }, () => this.#caller(question, progress)))
    if (progress.failuresInRow >= SINGLE_FAILURES_MAX) return progress.last
    if (progress.answered > 0) return ANSWERED
    return question.signal.aborted ? STOPPED : progress.last
  }

  /** One of several that take log after log, in order. */
  async #caller(question: Question, progress: Progress): Promise<void> {
    const { events, verdicts, signal } = question
    const mayAsk = (): boolean => !question.left && !signal.aborted && progress.failuresInRow < SINGLE_FAILURES_MAX
    while (progress.next < events.length && mayAsk()) {
      const at = progress.next++
      const event = events[at]!
      const hasLatency = event.latencyMs !== null
      if (this.#needsLatency && !hasLatency) continue
      const reply = await this.#twice(question, '/score', singleQuestion(event), ANSWER_BYTES_PER_LOG)
      if (reply.kind === 'cancelled') return
      const verdict = reply.kind === 'answered' && reply.status === 200 ? readSingleAnswer(reply.body) : null
      if (verdict !== null) {
        verdicts[at] = verdict
        progress.answered++
        progress.failuresInRow = 0
      } else if (reply.kind === 'answered' && reply.status === 500 && !hasLatency) {
        this.#needsLatency = true
      } else {
        progress.failuresInRow++
        progress.last = failureOf(reply)
      }
    }
  }

  /** Once more, after a moment, where the connection failed or the engine was busy. */
  async #twice(question: Question, path: string, body: string, bytesMax: number): Promise<Reply> {
    const { signal } = question
    const first = await this.#once(question, path, body, bytesMax)
    const again = first.kind === 'unreachable' || (first.kind === 'answered' && BUSY.has(first.status))
    if (!again || signal.aborted) return first
    const { sleep, random } = this.#options
    await sleep(RETRY_MS + random() * RETRY_JITTER_MS, signal).catch(() => undefined)
    return signal.aborted ? first : this.#once(question, path, body, bytesMax)
  }

  async #once(question: Question, path: string, body: string, bytesMax: number): Promise<Reply> {
    if (question.signal.aborted) return { kind: 'cancelled' }
    const call = this.#options.client.post(path, body, bytesMax)
    question.calls.add(call)
    const reply = await call.reply
    question.calls.delete(call)
    return reply
  }
}

const BUSY = new Set([429, 502, 503, 504])

interface Question {
  readonly events: readonly LogEvent[]
  readonly verdicts: (RemoteVerdict | null)[]
  readonly signal: AbortSignal
  readonly calls: Set<Call>
  left: boolean
}

interface Progress {
  next: number
  answered: number
  failuresInRow: number
  last: Outcome
}

function failureOf(reply: Reply): Outcome {
  switch (reply.kind) {
    case 'cancelled':
      return STOPPED
    case 'answered':
      return reply.status === 200
        ? { kind: 'garbled', reason: 'an answer that is no judgement' }
        : { kind: 'refused', reason: `status ${reply.status}` }
    default:
      return reply
  }
}

/** What the supervisor asks a worker over Node's IPC channel, and the answers. */
import type { ChildProcess } from 'node:child_process'

export const QUESTIONS = ['readiness', 'status', 'metrics'] as const
export type Question = (typeof QUESTIONS)[number]
export type Answers = Readonly<Record<Question, () => unknown>>

interface Ask {
  readonly id: number
  readonly question: Question
}
interface Answer {
  readonly id: number
  readonly value: unknown
}

function isAsk(message: unknown): message is Ask {
  return (
    typeof message === 'object' &&
    message !== null &&
    'question' in message &&
    QUESTIONS.some((each) => each === message.question)
  )
}
function isAnswer(message: unknown): message is Answer {
  return typeof message === 'object' && message !== null && 'value' in message && 'id' in message
}

/** The worker's end. Answers until the channel closes; a question it cannot answer stays open and times out at the asker. */
export function answerQuestions(worker: Pick<NodeJS.Process, 'on' | 'send'>, answers: Answers): void {
  worker.on('message', (message: unknown) => {
    if (!isAsk(message)) return
    const { id, question } = message
    Promise.resolve(answers[question]()).then(
      (value) => worker.send?.({ id, value } satisfies Answer),
      () => undefined,
    )
  })
}

/** The supervisor's end. */
export class Channel {
  readonly #child: Pick<ChildProcess, 'send' | 'on' | 'connected'>
  readonly #timeoutMs: number
  readonly #open = new Map<number, (value: unknown) => void>()
  #lastId = 0

  constructor(child: Pick<ChildProcess, 'send' | 'on' | 'connected'>, timeoutMs: number) {
    this.#child = child
    this.#timeoutMs = timeoutMs
    child.on('message', (message: unknown) => {
      if (isAnswer(message)) this.#open.get(message.id)?.(message.value)
    })
  }

  /** undefined when no answer came in time, or none can come. */
  async ask(question: Question): Promise<unknown> {
    if (!this.#child.connected) return undefined
    const id = ++this.#lastId
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const timer = setTimeout(() => resolve(undefined), this.#timeoutMs)
    this.#open.set(id, resolve)
    this.#child.send({ id, question } satisfies Ask, (error) => {
      if (error !== null) resolve(undefined)
    })
    const value = await promise
    clearTimeout(timer)
    this.#open.delete(id)
    return value
  }
}

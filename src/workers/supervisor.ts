/**
 * Keeps some workers alive: starts as many as there are partitions to share, restarts what ends with a growing pause, kills what
 * no longer answers, replaces one after the other on request, and stops all. Processes, clock and words are handed in.
 */
import { EX_CONFIG } from '../errors.ts'
import type { Question } from './channel.ts'

const WATCH_EVERY_MS = 1_000
/** A worker that has not answered for so long is stuck or frozen: its partitions went to others long ago. */
const SILENCE_MS = 30_000
const BACKOFF = { minMs: 500, maxMs: 30_000 }
/** After so long the failures before are forgotten. */
const STEADY_MS = 60_000
const REPLACE_TIMEOUT_MS = 120_000

export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** A running worker process. */
export interface WorkerHandle {
  readonly pid: number
  readonly exited: Promise<WorkerEnd>
  /** undefined: no answer in time. */
  ask(question: Question): Promise<unknown>
  /** SIGTERM: drains and ends. */
  stop(): void
  kill(): void
}

export interface SupervisorOptions {
  /** The most workers to run; fewer while the topic has fewer partitions. */
  readonly workersMax: number
  readonly start: (slot: number) => WorkerHandle
  readonly clock: () => number
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly warn: (sentence: string) => void
  readonly restarted: () => void
}

/** What the supervisor knows of one worker; pid is null between an end and the next start. */
export interface WorkerView {
  readonly slot: number
  readonly pid: number | null
  readonly restarts: number
  readonly ready: boolean
}

interface Slot {
  readonly slot: number
  worker: WorkerHandle | null
  answeredMs: number
  ready: boolean
  restarts: number
  failures: number
  replacing: boolean
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #slots: Slot[] = []
  readonly #tasks: Promise<void>[] = []
  readonly #ended = Promise.withResolvers<number>()
  readonly #stop = new AbortController()
  #replacement: Promise<void> | null = null
  #wasReady = false
  #worst = 0

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  get workers(): readonly WorkerView[] {
    return this.#slots.map(({ slot, worker, restarts, ready }) => ({
      slot,
      pid: worker?.pid ?? null,
      restarts,
      ready: worker !== null && ready,
    }))
  }

  /** The question to every worker that runs; those without an answer are left out. */
  async ask(question: Question): Promise<ReadonlyMap<number, unknown>> {
    const answers = new Map<number, unknown>()
    await Promise.all(
      this.#slots.map(async ({ slot, worker }) => {
        const answer = await worker?.ask(question)
        if (answer !== undefined) answers.set(slot, answer)
      }),
    )
    return new Map([...answers].sort(([a], [b]) => a - b))
  }

  /** Until the signal aborts and all have drained, or a worker ends in a way that a restart cannot mend; the exit code. */
  async run(signal: AbortSignal): Promise<number> {
    signal.addEventListener('abort', () => this.#stopAll(0), { once: true })
    if (signal.aborted) return 0
    this.#open()
    void this.#watch()
    const code = await this.#ended.promise
    await Promise.all(this.#tasks)
    return code === 0 ? this.#worst : code
  }

  /** One after the other is stopped, and the next only when its successor is ready. Asked again meanwhile, it is the same one. */
  replaceAll(): Promise<void> {
    this.#replacement ??= this.#replaceEach().finally(() => {
      this.#replacement = null
    })
    return this.#replacement
  }

  async #replaceEach(): Promise<void> {
    for (const slot of this.#slots) {
      const before = slot.worker
      if (this.#stop.signal.aborted || before === null) continue
      slot.replacing = true
      before.stop()
      const deadline = this.#options.clock() + REPLACE_TIMEOUT_MS
      while (slot.worker === before || !slot.ready) {
        if (this.#options.clock() > deadline)
          return this.#options.warn(`worker ${slot.slot} was not ready in time: the others are not replaced`)
        if (!(await this.#rest(100))) return undefined
      }
    }
  }

  killAll(): void {
    for (const { worker } of this.#slots) worker?.kill()
  }

  #stopAll(code: number): void {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    for (const { worker } of this.#slots) worker?.stop()
    this.#ended.resolve(code)
  }

  #open(): void {
    const slot = {
      slot: this.#slots.length + 1,
      worker: null,
      answeredMs: 0,
      ready: false,
      restarts: 0,
      failures: 0,
      replacing: false,
    }
    this.#slots.push(slot)
    this.#tasks.push(this.#keep(slot))
  }

  /** One slot for the whole time: start, wait for the end, pause, start again. */
  async #keep(slot: Slot): Promise<void> {
    const { clock, start, warn, restarted } = this.#options
    while (!this.#stop.signal.aborted) {
      const startedMs = clock()
      slot.answeredMs = startedMs
      slot.ready = false
      const worker = start(slot.slot)
      slot.worker = worker
      const end = await worker.exited
      slot.worker = null
      if (this.#stop.signal.aborted) {
        this.#worst = Math.max(this.#worst, end.code ?? 1)
        return
      }
      if (end.code === EX_CONFIG || !this.#wasReady)
        return this.#stopAll(end.code === null || end.code === 0 ? 1 : end.code)
      if (slot.replacing) slot.replacing = false
      else {
        slot.restarts++
        restarted()
        slot.failures = clock() - startedMs > STEADY_MS ? 1 : slot.failures + 1
        const pauseMs = Math.min(BACKOFF.maxMs, BACKOFF.minMs * 2 ** (slot.failures - 1))
        warn(
          `worker ${slot.slot} (pid ${worker.pid}) ended with ${end.signal ?? `code ${end.code}`}: another starts in ${pauseMs / 1000} s`,
        )
        if (!(await this.#rest(pauseMs))) return
      }
    }
  }

  async #watch(): Promise<void> {
    while (await this.#rest(WATCH_EVERY_MS)) {
      let partitions = 0
      await Promise.all(
        this.#slots.map(async (slot) => {
          partitions = Math.max(partitions, await this.#look(slot))
        }),
      )
      this.#killSilent()
      const wanted = Math.min(this.#options.workersMax, partitions)
      while (this.#wasReady && !this.#stop.signal.aborted && this.#slots.length < wanted) this.#open()
    }
  }

  /** The partitions of the topic as this worker knows them; 0: not yet. */
  async #look(slot: Slot): Promise<number> {
    const { worker } = slot
    const status = await worker?.ask('status')
    if (worker === null || slot.worker !== worker || !isWorkerStatus(status)) return 0
    slot.answeredMs = this.#options.clock()
    slot.ready = status.ready
    this.#wasReady ||= status.ready
    return status.topic_partitions
  }

  #killSilent(): void {
    for (const slot of this.#slots) {
      if (slot.worker === null || this.#options.clock() - slot.answeredMs < SILENCE_MS) continue
      this.#options.warn(
        `worker ${slot.slot} (pid ${slot.worker.pid}) has not answered for ${SILENCE_MS / 1000} s: it is killed`,
      )
      slot.answeredMs = this.#options.clock()
      slot.worker.kill()
    }
  }

  /** False when the stop came first. */
  async #rest(ms: number): Promise<boolean> {
    await this.#options.sleep(ms, this.#stop.signal).catch(() => undefined)
    return !this.#stop.signal.aborted
  }
}

function isWorkerStatus(value: unknown): value is { ready: boolean; topic_partitions: number } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'ready' in value &&
    typeof value.ready === 'boolean' &&
    'topic_partitions' in value &&
    typeof value.topic_partitions === 'number'
  )
}

/** Our workers: real processes through the proxies, watched for their memory, their exit codes and how they ended. */
import { readFileSync } from 'node:fs'
import { startWorker, type Worker } from '../support/worker.ts'

/** Exit codes that nobody asked for, with what the worker said last. */
export interface Surprise {
  readonly pid: number
  readonly end: number | string
  readonly said: string
}

export class Fleet {
  readonly #env: Readonly<Record<string, string>>
  readonly #workers = new Set<Worker>()
  /** Those whose end was asked for. */
  readonly #expected = new Set<Worker>()
  /** Those that a fault has in its hands. */
  readonly #held = new Set<Worker>()
  readonly surprises: Surprise[] = []
  peakRssMb = 0
  started = 0

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env
  }

  get workers(): Worker[] {
    return [...this.#workers]
  }

  /** Those that no fault has in its hands. */
  get free(): Worker[] {
    return this.workers.filter((worker) => !this.#held.has(worker))
  }

  /** Nobody else's until the work is done. */
  async hold<T>(worker: Worker, work: () => Promise<T>): Promise<T> {
    this.#held.add(worker)
    try {
      return await work()
    } finally {
      this.#held.delete(worker)
    }
  }

  start(extra: Readonly<Record<string, string>> = {}): Worker {
    const worker = startWorker({
      NODE_ENV: 'test',
      LOG_FORMAT: 'text',
      CONSOLE_LOGS_PER_SECOND_MAX: '0',
      ...this.#env,
      ...extra,
    })
    this.started++
    this.#workers.add(worker)
    void worker.exited.then((end) => {
      this.#workers.delete(worker)
      if (this.#expected.delete(worker) || end === 'SIGKILL') return
      this.surprises.push({ pid: worker.child.pid ?? 0, end, said: worker.output().slice(-2_000) })
    })
    return worker
  }

  async kill(worker: Worker): Promise<void> {
    this.#expected.add(worker)
    worker.kill('SIGKILL')
    await worker.exited
  }

  /** SIGTERM; a code other than 0, or none for a minute, is a surprise. How long a stop may take is asked by tests of its own. */
  async stop(worker: Worker): Promise<void> {
    this.#expected.add(worker)
    worker.kill('SIGTERM')
    const end = await Promise.race([
      worker.exited,
      new Promise<string>((done) => setTimeout(done, 60_000, 'too late').unref()),
    ])
    if (end === 'too late') await this.kill(worker)
    // Told to go before it had begun to listen: it had nothing to store.
    const unborn = end === 'SIGTERM' && worker.output() === ''
    if (end !== 0 && !unborn)
      this.surprises.push({ pid: worker.child.pid ?? 0, end, said: worker.output().slice(-2_000) })
  }

  /** Looks at every worker's peak resident memory. */
  sample(): void {
    for (const { child } of this.#workers) {
      try {
        const kb = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
        this.peakRssMb = Math.max(this.peakRssMb, Math.round(Number(kb ?? 0) / 1024))
      } catch {
        // It has just ended.
      }
    }
  }

  /** At least so many. */
  refill(count: number): void {
    while (this.#workers.size < count) this.start()
  }

  /** Every worker that is stopped goes on, and there are so many again. */
  heal(count: number): void {
    for (const worker of this.#workers) worker.kill('SIGCONT')
    this.refill(count)
  }

  /** No more than so many: what several faults at once have started in each other's place. */
  async trim(count: number): Promise<void> {
    await Promise.all(this.workers.slice(count).map((worker) => this.kill(worker)))
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => this.kill(worker)))
  }
}

/** The workers of a proof: real processes that this one started, and nothing else is ever touched. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { startWorkerProcess, type WorkerProcess } from '../demo/worker-process.ts'

export interface TeamOptions {
  /** The program's entry. */
  readonly entry: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where their output goes. */
  readonly folder: string
  /** Aborted, no worker is waited for any more. */
  readonly signal: AbortSignal
}

export interface Member {
  readonly worker: WorkerProcess
  /** As the ledger's `owner` names it. */
  readonly owner: string
  /** The application_name of its connections. */
  readonly applicationName: string
}

export class Team {
  readonly #options: TeamOptions
  #members: Member[] = []
  #started = 0

  constructor(options: TeamOptions) {
    this.#options = options
  }

  get members(): readonly Member[] {
    return this.#members
  }

  /** How many were started so far. */
  get started(): number {
    return this.#started
  }

  /** Ready, as a member of the group. Rejects with EMBEDDED_START where it does not get so far. */
  async start(): Promise<Member> {
    const { entry, env, folder, signal } = this.#options
    const logFile = join(folder, `worker-${++this.#started}.log`)
    const worker = await startWorkerProcess({ entry, env, logFile, signal })
    const owner = `${hostname()}:${worker.pid}`
    const member = { worker, owner, applicationName: `insighthub-processor process ${owner}` }
    this.#members.push(member)
    return member
  }

  /** By SIGKILL, which a stopped process heeds too. */
  async kill(member: Member): Promise<void> {
    this.#remove(member)
    await member.worker.kill()
  }

  /** By SIGTERM; its exit code. */
  async stop(member: Member): Promise<number> {
    this.#remove(member)
    return member.worker.stop()
  }

  /** Their exit codes. */
  async stopAll(): Promise<number[]> {
    return Promise.all([...this.#members].map((member) => this.stop(member)))
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#members].map((member) => this.kill(member)))
  }

  #remove(member: Member): void {
    this.#members = this.#members.filter((each) => each !== member)
  }
}

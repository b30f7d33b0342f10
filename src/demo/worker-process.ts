/** One `process` worker of the demo, as its own operating system process, so that killing it is a real kill. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, ProcessorError } from '../errors.ts'
import { WORKER_FLAGS, workerEnv } from '../workers/worker-env.ts'

export interface WorkerProcess {
  readonly pid: number
  /** http://127.0.0.1:port, once it listens. */
  readonly address: string
  readonly logFile: string
  metrics(): Promise<string>
  signal(name: NodeJS.Signals): void
  kill(): Promise<void>
  /** SIGTERM, then the exit code. */
  stop(): Promise<number>
}

export interface WorkerOptions {
  /** The program's entry: process.argv[1] of this process. */
  readonly entry: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logFile: string
  /** Aborted, a start that is under way is given up. */
  readonly signal?: AbortSignal | undefined
  /** @default 1 */
  readonly workers?: number
  /** Node's own options, such as a profile's. */
  readonly execArgv?: readonly string[]
  /** Monotonic, ms. */
  readonly clock?: () => number
}

/** A start takes a second or two. One that fails ends by itself; beside this only a machine that is busy elsewhere is slow, and it is waited for. */
const READY_TIMEOUT_MS = 300_000
const ANSWER_TIMEOUT_MS = 10_000

function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function exitOf(child: ChildProcess): Promise<number> {
  if (!ended(child)) await new Promise((done) => child.once('exit', done))
  return child.exitCode ?? 1
}

/** Resolves when it is ready. Rejects with EMBEDDED_START where it ends before or takes too long, with INPUT where it is given up; it is gone then. */
export async function startWorkerProcess(options: WorkerOptions): Promise<WorkerProcess> {
  const args = [
    ...WORKER_FLAGS,
    ...(options.execArgv ?? []),
    options.entry,
    'process',
    '--workers',
    String(options.workers ?? 1),
  ]
  const child = spawn(process.execPath, args, {
    env: workerEnv(options.env),
    // The channel says nothing; when it closes because we died without a word, the worker ends too.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const log = createWriteStream(options.logFile)
  let said = ''
  const hear = (chunk: Buffer): void => {
    log.write(chunk)
    if (said.length < 20_000) said += chunk.toString()
  }
  child.stdout?.on('data', hear)
  child.stderr?.on('data', hear)
  child.once('close', () => log.end())
  const stopWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', stopWithUs)
  child.once('exit', () => process.removeListener('exit', stopWithUs))
  const address = await readiness(child, options, () => said).catch(async (error: unknown) => {
    child.kill('SIGKILL')
    await exitOf(child)
    throw error
  })
  return {
    pid: child.pid ?? 0,
    address,
    logFile: options.logFile,
    metrics: async () => (await fetch(`${address}/metrics`, { signal: AbortSignal.timeout(5_000) })).text(),
    signal: (name) => void child.kill(name),
    kill: async () => {
      child.kill('SIGKILL')
      await exitOf(child)
    },
    stop: () => {
      child.kill('SIGTERM')
      return exitOf(child)
    },
  }
}

/** Its address, once it says that it is ready. */
async function readiness(
  child: ChildProcess,
  { signal, clock = () => performance.now() }: WorkerOptions,
  said: () => string,
): Promise<string> {
  const startedMs = clock()
  let lacks = ''
  for (;;) {
    const words = said().trim()
    const last = `${words === '' ? 'it said nothing' : `it said:\n${words}`}\n${lacks}`.trimEnd()
    if (signal?.aborted === true) throw new ProcessorError('INTERRUPTED', 'Interrupted before it was done')
    if (ended(child)) throw new ProcessorError('EMBEDDED_START', `A worker ended before it was ready; ${last}`)
    if (clock() - startedMs > READY_TIMEOUT_MS) {
      const seconds = READY_TIMEOUT_MS / 1000
      throw new ProcessorError('EMBEDDED_START', `A worker was not ready within ${seconds} s; ${last}`)
    }
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said())?.[0]
    if (address !== undefined) {
      const answer = await readyz(address)
      if (answer === 'ready') return address
      lacks = `/readyz: ${answer}`
    }
    await sleep(50)
  }
}

/** 'ready', or why not. */
async function readyz(address: string): Promise<string> {
  try {
    const answer = await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    return answer.ok ? 'ready' : (await answer.text()).trim()
  } catch (error) {
    return messageOf(error)
  }
}

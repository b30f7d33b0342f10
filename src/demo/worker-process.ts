/** One `process` worker of the demo, as its own operating system process, so that killing it is a real kill. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProcessorError } from '../errors.ts'
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
  readonly readyTimeoutMs: number
  /** @default 1 */
  readonly workers?: number
  /** Node's own options, such as a profile's. */
  readonly execArgv?: readonly string[]
}

function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function exitOf(child: ChildProcess): Promise<number> {
  if (!ended(child)) await new Promise((done) => child.once('exit', done))
  return child.exitCode ?? 1
}

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
  const deadline = performance.now() + options.readyTimeoutMs
  let address: string | undefined
  for (let ready = false; !ready; ) {
    const last = said.trim() === '' ? 'it said nothing' : `it said:\n${said.trim()}\n`
    if (ended(child)) throw new ProcessorError('EMBEDDED_START', `A worker ended before it was ready; ${last}`)
    if (performance.now() > deadline) {
      const withinS = Math.round(options.readyTimeoutMs / 1000)
      throw new ProcessorError('EMBEDDED_START', `A worker was not ready within ${withinS} s; ${last}`)
    }
    address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
    ready = address !== undefined && (await isReady(address))
    if (!ready) await sleep(50)
  }
  return {
    pid: child.pid ?? 0,
    address: address ?? '',
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

async function isReady(address: string): Promise<boolean> {
  try {
    return (await fetch(`${address}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok
  } catch {
    return false
  }
}

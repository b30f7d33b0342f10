/** A real worker: `process` as its own operating system process, as `npm start` runs it, with what it printed and its HTTP port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { WORKER_FLAGS, workerEnv } from '../../src/workers/worker-env.ts'
import { until } from './until.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')

export interface Worker {
  readonly child: ChildProcess
  output(): string
  /** Resolves with the exit code, or the signal's name. */
  readonly exited: Promise<number | string>
  kill(signal: NodeJS.Signals): void
  /** GET on the worker's port, answering status and body. */
  get(path: string): Promise<{ status: number; body: string }>
  ready(): Promise<void>
  said(text: string): Promise<void>
}

/** With the flags of `npm start`. */
export function startWorker(env: Record<string, string>, args: readonly string[] = []): Worker {
  const command = [...WORKER_FLAGS, main, 'process', '--workers', '1', ...args]
  return follow(spawn(process.execPath, command, { env: surroundings(env), stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** `npm start`, in a process group of its own: SIGKILL takes the whole group, as the end of a container does; others go to npm. */
export function startNpm(env: Record<string, string>): Worker {
  const options = { cwd: resolve(main, '../..'), env: surroundings(env), detached: true } as const
  return follow(spawn('npm', ['start'], { ...options, stdio: ['ignore', 'pipe', 'pipe'] }))
}

function surroundings(env: Record<string, string>): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: process.env['HOME'], HTTP_PORT: '0', ...workerEnv(env) }
}

function send(child: ChildProcess, signal: NodeJS.Signals): void {
  const group = signal === 'SIGKILL' && child.spawnargs[0] === 'npm'
  if (!group || child.pid === undefined) {
    child.kill(signal)
    return
  }
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The whole group has ended already.
  }
}

function follow(child: ChildProcess): Worker {
  let said = ''
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-200_000)
  }
  child.stdout?.on('data', hear)
  child.stderr?.on('data', hear)
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  const stop = (): void => send(child, 'SIGKILL')
  process.once('exit', stop)
  void exited.then(() => process.removeListener('exit', stop))
  const alive = (): boolean => child.exitCode === null && child.signalCode === null
  const address = (): string | undefined => /https?:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0]
  const get: Worker['get'] = async (path) => {
    const answer = await fetch(`${address()}${path}`, { signal: AbortSignal.timeout(30_000) })
    return { status: answer.status, body: await answer.text() }
  }
  const need = async (what: string, condition: () => boolean | Promise<boolean>): Promise<void> =>
    until(what, async () => {
      if (!alive()) throw new Error(`${what}: the worker ended\n${said}`)
      return condition()
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${said.slice(-4000)}`)
    })
  return {
    child,
    output: () => said,
    exited,
    kill: (signal) => send(child, signal),
    get,
    ready: () =>
      need('ready', async () => {
        if (address() === undefined) return false
        return (await get('/readyz')).status === 200
      }),
    said: (text) => need(`saying "${text}"`, () => said.includes(text)),
  }
}

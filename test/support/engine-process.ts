/** A real `ml-engine`, as its own operating system process, so that stopping it is a real stop. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'

const main = resolve(import.meta.dirname, '../../src/main.ts')

export interface EngineProcess {
  readonly url: string
  signal(signal: NodeJS.Signals): void
  readonly pid: number | undefined
  readonly exited: Promise<unknown>
  stop(): Promise<void>
}

export async function startEngineProcess(env: Readonly<Record<string, string>> = {}): Promise<EngineProcess> {
  const child = spawn(process.execPath, [main, 'ml-engine'], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ML_ENGINE_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(child, 'exit').then(() => process.removeListener('exit', kill))
  let said = ''
  await new Promise<void>((resolve) => {
    // Read to its end: a process whose lines nobody takes dies of them.
    child.stdout.on('data', (chunk) => {
      said += chunk
      if (said.includes('http://') && said.endsWith('\n')) resolve()
    })
    child.stdout.once('end', resolve)
  })
  const url = /http:\/\/\S+/.exec(said)?.[0]
  if (url === undefined) throw new Error(`no address in: ${said}`)
  return {
    url,
    pid: child.pid,
    signal: (signal) => void child.kill(signal),
    exited,
    stop: async () => {
      kill()
      await exited
    },
  }
}

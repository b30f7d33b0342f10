/** What has to be done when this process dies without a word (SIGKILL): then a pipe closes, and the shell that reads it goes on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'

/** The script runs once this process is gone, with `args` as $0, $1 and so on. It keeps no process alive; without a shell nothing is guarded. */
export function runAfterDeath(script: string, args: readonly string[]): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', `read -r _; ${script}`, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  guard.on('error', () => undefined)
  guard.stdin?.on('error', () => undefined)
  guard.unref()
  if (guard.stdin instanceof Socket) guard.stdin.unref()
  return guard
}

/**
 * A run in a process of its own. Whatever ends it, an error, the heap, the kernel or a signal: there is a last line and a code other
 * than 0, and none of its brokers, servers and workers lives on.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { runAfterDeath } from '../../src/dead-mans-pipe.ts'

const CHILD = 'CHAOS_ATTENDED'
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Of a run that came to no verdict. */
export const NO_VERDICT = 2

/** This process is the run. */
export const isAttended = process.env[CHILD] !== undefined && process.send !== undefined

/** The run has said its last line: from now on it is over, and this is its code. A run whose attendant has died ends, too. */
export async function concluded(code: number): Promise<void> {
  if (isAttended) await new Promise((done) => process.send?.({ code }, done))
}

/** Runs the file; its verdict's code, or how it ended instead. */
export async function attend(
  file: string,
  args: readonly string[],
  say: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], {
    env: { ...process.env, [CHILD]: '1' },
    // A group of its own, which can be ended as a whole.
    detached: true,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  let code: number | null = null
  child.on('message', (message) => {
    code = (message as { code: number }).code
  })
  const handlers = PASSED_ON.map((signal) => [signal, (): void => void child.kill(signal)] as const)
  for (const [signal, pass] of handlers) process.on(signal, pass)
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  for (const [each, pass] of handlers) process.removeListener(each, pass)
  if (code !== null) return code
  endGroup(child.pid)
  say(`✗ no verdict: the run ended ${signal === null ? `with code ${exitCode}` : `by ${signal}`} before it came to one`)
  return signal === null ? NO_VERDICT : 128 + constants.signals[signal]
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}

/**
 * Ends the group of this process when it dies together with its attendant: then the pipe closes, and the shell that reads it goes on.
 * It waits until the process is gone, whose code must stay its own; for ten seconds at most, since nobody may ask for that code.
 */
function guardGroup(): void {
  const gone = 'i=0; while kill -0 "$0" && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done'
  runAfterDeath(`${gone}; kill -KILL "-$0"`, [String(process.pid)])
}

if (isAttended) {
  guardGroup()
  process.once('disconnect', () => process.exit(NO_VERDICT))
  // The channel alone keeps no run alive that waits for what never comes.
  process.channel?.unref()
}

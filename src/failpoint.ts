/**
 * Places where a test may end, stop or block this process. Nothing happens unless NODE_ENV is `test` and FAILPOINT names the place:
 *
 *   FAILPOINT=mid_copy:kill       SIGKILL when mid_copy is reached
 *   FAILPOINT=mid_copy:stop:3     SIGSTOP when it is reached for the third time; whoever started the process continues it
 *   FAILPOINT=after_score:block=5000   the event loop stands still for 5 s
 *
 * None lies on the way of a single log: each is passed once a batch or less.
 */
import { ProcessorError } from './errors.ts'

/** In the order of a batch's journey. COPY, fence and commit are one message, so nothing can lie between them. */
export const FAILPOINTS = [
  'in_claim',
  'after_claim',
  'in_warm_up',
  'after_fetch',
  'after_parse',
  'after_score',
  'before_copy',
  'mid_copy',
  'after_copy',
  'after_commit_ack',
  'before_kafka_commit',
  'after_kafka_commit',
  'in_revoke',
] as const
export type Failpoint = (typeof FAILPOINTS)[number]

interface Armed {
  readonly name: string
  readonly action: 'kill' | 'stop' | 'block'
  readonly blockMs: number
  left: number
}

const FORM = /^(\w+):(kill|stop|block=(\d+))(?::(\d+))?$/

function armedBy(env: NodeJS.ProcessEnv): Armed | null {
  const text = env['FAILPOINT']
  if (env['NODE_ENV'] !== 'test' || text === undefined || text === '') return null
  const match = FORM.exec(text)
  const name = match?.[1]
  if (match === null || !FAILPOINTS.some((each) => each === name))
    throw new ProcessorError(
      'CONFIG_INVALID',
      `FAILPOINT=${text}: expected one of ${FAILPOINTS.join(', ')}, a colon and kill, stop or block=MS`,
    )
  const action = match[2]?.startsWith('block') === true ? 'block' : match[2] === 'kill' ? 'kill' : 'stop'
  return { name: name ?? '', action, blockMs: Number(match[3] ?? 0), left: Number(match[4] ?? 1) }
}

let armed: Armed | null = null

/** Once, at the start. Throws CONFIG_INVALID for a text that names no place or action. */
export function armFailpoint(env: NodeJS.ProcessEnv): void {
  armed = armedBy(env)
}

export function failpoint(name: Failpoint): void {
  if (armed === null || armed.name !== name || --armed.left !== 0) return
  if (armed.action === 'kill') process.kill(process.pid, 'SIGKILL')
  else if (armed.action === 'stop') process.kill(process.pid, 'SIGSTOP')
  else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, armed.blockMs)
}

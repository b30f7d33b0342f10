/**
 * A thread that watches the event loop of the process: a loop that stands still for too long can't heartbeat, answer or stop, and
 * nobody inside it can say so. It ends the process, so that whoever runs it starts another.
 */
import { Worker } from 'node:worker_threads'

export interface EventLoopWatchdogOptions {
  /** How long the loop may stand still, in ms. @default 30000 */
  readonly patienceMs?: number
  /** How long it may take to move after that, in ms: a process that was stopped as a whole wakes up late, and is well. @default 5000 */
  readonly graceMs?: number
}

const BEAT_MS = 500

/** In plain JavaScript and by itself: the thread needs no loader, and next to no memory. */
const THREAD = `
const { workerData: { beats, patienceMs, graceMs } } = require('node:worker_threads')
for (;;) {
  const seen = Atomics.load(beats, 0)
  if (Atomics.wait(beats, 0, seen, patienceMs) !== 'timed-out') continue
  if (Atomics.wait(beats, 0, seen, graceMs) !== 'timed-out') continue
  const seconds = Math.round((patienceMs + graceMs) / 1000)
  require('node:fs').writeSync(2, '✗ The event loop has stood still for ' + seconds + ' s: the process ends\\n')
  process.kill(process.pid, 'SIGKILL')
}`

/** Ends the process with SIGKILL when its event loop stands still. Keeps no process alive by itself. */
export function watchEventLoop(options: EventLoopWatchdogOptions = {}): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const { patienceMs = 30_000, graceMs = 5_000 } = options
  const thread = new Worker(THREAD, {
    eval: true,
    workerData: { beats, patienceMs, graceMs },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
    env: {},
    execArgv: [],
  })
  thread.unref()
  thread.on('error', () => undefined) // without it there is no watch; the service is there all the same
  const beat = setInterval(() => {
    Atomics.add(beats, 0, 1)
    Atomics.notify(beats, 0)
  }, BEAT_MS).unref()
  return () => {
    clearInterval(beat)
    void thread.terminate()
  }
}

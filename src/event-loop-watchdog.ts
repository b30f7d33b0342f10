/**
 * A thread that watches the event loop of the process: a loop that stands still for too long can't heartbeat, answer or stop, and
 * nobody inside it can say so. It ends the process, so that whoever runs it starts another.
 */
import { Worker } from 'node:worker_threads'

export interface EventLoopWatchdogOptions {
  /** How long the loop may stand still while the process runs, in ms. @default 35000 */
  readonly patienceMs?: number
}

const BEAT_MS = 500
const LOOK_MS = 1_000

/**
 * In plain JavaScript and by itself: the thread needs no loader, and next to no memory. It counts looks, not time: a process that was
 * stopped as a whole, however long or often, has not been looked at meanwhile, and is well.
 */
const THREAD = `
const { workerData: { beats, patienceMs, lookMs } } = require('node:worker_threads')
let stillMs = 0
while (stillMs < patienceMs) {
  const moved = Atomics.wait(beats, 0, Atomics.load(beats, 0), lookMs) !== 'timed-out'
  stillMs = moved ? 0 : stillMs + lookMs
}
const seconds = Math.round(patienceMs / 1000)
require('node:fs').writeSync(2, '✗ The event loop has stood still for ' + seconds + ' s: the process ends\\n')
process.kill(process.pid, 'SIGKILL')`

/** Ends the process with SIGKILL when its event loop stands still. Keeps no process alive by itself. */
export function watchEventLoop(options: EventLoopWatchdogOptions = {}): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const { patienceMs = 35_000 } = options
  const thread = new Worker(THREAD, {
    eval: true,
    workerData: { beats, patienceMs, lookMs: LOOK_MS },
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

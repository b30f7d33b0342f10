/** Keeps a worker's mutes up to date: read before the first log is judged, then again every few seconds, beside the line. */
import type { Mute } from '../mute.ts'

/** Well below the delay with which a mute begins, so that one reading may fail. */
const READ_EVERY_MS = 15_000

export interface MuteWatchOptions {
  readonly read: () => Promise<readonly Mute[]>
  readonly apply: (mutes: readonly Mute[]) => void
  /** The mutes known before stay in force. */
  readonly failed: (error: unknown) => void
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Rejects only where the first reading fails; the rest goes on until the signal, in the promise under `ended`. */
export async function watchMutes(options: MuteWatchOptions, signal: AbortSignal): Promise<{ ended: Promise<void> }> {
  options.apply(await options.read())
  return { ended: readAgain(options, signal) }
}

async function readAgain({ read, apply, failed, sleep }: MuteWatchOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(READ_EVERY_MS, signal).catch(() => undefined)
    if (signal.aborted) return
    await read().then(apply, failed)
  }
}

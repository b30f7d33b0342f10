/** The retention of dead letters as a worker keeps it: now and then, beside the pipeline, and never in its way. */
import { messageOf } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Purged } from '../postgres/dead-letter-retention.ts'

export interface RetentionParts {
  /** Rejects as the database does. */
  readonly purge: () => Promise<Purged>
  readonly events: Pick<Events, 'deadLettersPurged' | 'warning'>
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly random: () => number
}

const EVERY_MS = 5 * 60_000
/** A start has other things to do. */
const FIRST_MS = 30_000

/** Until the signal aborts. A database that is away, or a user that may not delete, is told and tried again the next time. */
export async function keepRetention(
  { purge, events, sleep, random }: RetentionParts,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = FIRST_MS
  while (!signal.aborted) {
    // Spread, so that the workers of an installation don't come all at once.
    await sleep(waitMs * (0.5 + random()), signal).catch(() => undefined)
    if (signal.aborted) return
    waitMs = EVERY_MS
    try {
      events.deadLettersPurged(await purge())
    } catch (error) {
      events.warning(`the retention of dead letters: ${messageOf(error)}`)
    }
  }
}

/** Work that the world is not ready for yet. */
import { setTimeout as sleep } from 'node:timers/promises'

const TRIES = 15
const PAUSE_MS = 1_000

/** Again and again for some seconds, as with a group: a member that was killed is in it until its session is over. Rejects as the last try did. */
export async function persistently(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries >= TRIES) throw error
      await sleep(PAUSE_MS)
    }
  }
}

/** Puts mutes over the judgements of another scorer. Nothing is touched while there are none. */
import { type Mute, withMutedAlerts, withMutes } from '../mute.ts'
import type { ScoredRange, Scorer, UnscoredRange } from '../pipeline.ts'

export class MutingScorer implements Scorer {
  readonly #inner: Scorer
  #mutes: readonly Mute[] = []

  constructor(inner: Scorer) {
    this.#inner = inner
  }

  /** All that may still matter, in the place of those before. */
  replace(mutes: readonly Mute[]): void {
    this.#mutes = [...mutes].sort((a, b) => a.id - b.id)
  }

  async score(ranges: readonly UnscoredRange[], lane: number): Promise<readonly ScoredRange[]> {
    const scored = await this.#inner.score(ranges, lane)
    const mutes = this.#mutes
    if (mutes.length === 0) return scored
    return scored.map(({ logs, alerts, snapshot }) => ({
      logs: withMutes(logs, mutes),
      alerts: withMutedAlerts(alerts, mutes),
      snapshot,
    }))
  }
}

/** Puts mutes over the judgements of another scorer. Nothing is touched while there are none. */
import type { LogEvent, ScoredLog } from '../log.ts'
import { type Mute, withMutedAlerts, withMutes } from '../mute.ts'
import type { PartitionRange, Scorer, Snapshot } from '../pipeline.ts'
import type { ServiceAlert } from '../service-alert.ts'

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

  async score(events: readonly LogEvent[], purpose: PartitionRange['purpose']): Promise<readonly ScoredLog[]> {
    const logs = await this.#inner.score(events, purpose)
    return this.#mutes.length === 0 ? logs : withMutes(logs, this.#mutes)
  }

  snapshot(...of: Parameters<Scorer['snapshot']>): Snapshot | null {
    return this.#inner.snapshot(...of)
  }

  alerts(partition: number): readonly ServiceAlert[] {
    const alerts = this.#inner.alerts(partition)
    return this.#mutes.length === 0 ? alerts : withMutedAlerts(alerts, this.#mutes)
  }
}

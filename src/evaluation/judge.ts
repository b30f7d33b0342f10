/** The scorer as the service runs it, fed in batches; what it costs and the alerts it raises are noted. */
import type { LogEvent, ScoredLog } from '../log.ts'
import { ModelScorer, type ModelScorerOptions } from '../scoring/model-scorer.ts'
import type { RaisedAlert } from './judged-logs.ts'

/** What of the scorer's options can be handed to another thread. */
export type ScorerSettings = Omit<ModelScorerOptions, 'failed' | 'refused'>

/** As many as a batch of the service has. */
export const JUDGED_AT_ONCE = 5_000

export class Judge {
  readonly #scorer: ModelScorer
  readonly #alerts = new Map<string, RaisedAlert>()
  #milliseconds = 0
  #judged = 0
  #failure: unknown = null

  /** `shares`: each partition's part of the logs, by which a budget is divided; one that is missing has all of it. */
  constructor(settings: ScorerSettings, shares: ReadonlyMap<number, number> = new Map()) {
    this.#scorer = new ModelScorer({
      ...settings,
      failed: ({ error }) => {
        this.#failure ??= error
      },
    })
    for (const [partition, trafficShare] of shares) {
      this.#scorer.restore({
        partition,
        trafficShare,
        epoch: 0,
        baseOffset: 0,
        nextOffset: 0,
        tail: null,
        startLeaderEpoch: -1,
        snapshot: null,
      })
    }
  }

  /** In the order raised. */
  get alerts(): readonly RaisedAlert[] {
    return [...this.#alerts.values()]
  }

  /** Of scoring, alerts included. */
  get microsecondsPerLog(): number {
    return (this.#milliseconds * 1000) / Math.max(1, this.#judged)
  }

  /** One answer an event, in order. Rejects with what made a detector fail: a quality of half a detector is none. */
  async score(events: readonly LogEvent[]): Promise<readonly ScoredLog[]> {
    const startedMs = performance.now()
    const logs = this.#scorer.judge(events)
    for (const partition of new Set(events.map((event) => event.partition))) {
      for (const alert of this.#scorer.alerts(partition)) {
        const key = `${alert.partition} ${alert.service} ${alert.kind} ${alert.sinceMs}`
        if (!this.#alerts.has(key)) {
          this.#alerts.set(key, { service: alert.service, seconds: alert.raisedAtMs / 1000 })
        }
      }
    }
    this.#milliseconds += performance.now() - startedMs
    this.#judged += events.length
    if (this.#failure !== null) throw this.#failure
    return logs
  }
}

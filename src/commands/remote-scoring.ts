/** The parts that ask the ML engine of ML_ENGINE_URL, put together around the model. */
import type { Config } from '../config.ts'
import type { Events } from '../events.ts'
import type { CommitOutcome, ReadyBatch, Scorer, Store } from '../pipeline.ts'
import { CircuitBreaker } from '../scoring/remote/circuit-breaker.ts'
import { EngineClient } from '../scoring/remote/engine-client.ts'
import { Patience } from '../scoring/remote/patience.ts'
import { RemoteEngine } from '../scoring/remote/remote-engine.ts'
import { RemoteScorer } from '../scoring/remote/remote-scorer.ts'

interface RemoteScoringOptions {
  readonly scoring: Config['scoring']
  readonly model: Scorer
  readonly events: Pick<Events, 'engineAsked' | 'engineJudged' | 'engineBreaker'>
  /** More logs wait than one batch takes. */
  readonly behind: () => boolean
  readonly time: {
    readonly clock: () => number
    readonly random: () => number
    readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  }
}

/** null: no engine is to be asked. */
export function remoteScoring(options: RemoteScoringOptions): RemoteScoring | null {
  const { mlEngineUrl } = options.scoring
  return mlEngineUrl === undefined ? null : new RemoteScoring(mlEngineUrl, options)
}

export class RemoteScoring {
  readonly scorer: RemoteScorer
  readonly #url: URL
  readonly #client: EngineClient
  readonly #engine: RemoteEngine
  readonly #breaker: CircuitBreaker
  readonly #storing = new Set<Promise<unknown>>()

  constructor(url: URL, { scoring, model, events, behind, time }: RemoteScoringOptions) {
    const { mlEngineToken: token, mlEngineLinkLocal: linkLocal, fallback } = scoring
    this.#url = url
    this.#client = new EngineClient({ url, token, linkLocal })
    this.#engine = new RemoteEngine({ client: this.#client, ...time })
    this.#breaker = new CircuitBreaker({ ...time, moved: (what) => events.engineBreaker(what) })
    this.scorer = new RemoteScorer({
      model,
      engine: this.#engine,
      breaker: this.#breaker,
      patience: new Patience(time),
      line: { behind, storing: () => (this.#storing.size === 0 ? null : Promise.race(this.#storing)) },
      deadlineMs: scoring.mlEngineTimeoutMs,
      fallback,
      ...time,
      asked: ({ outcome, tookMs }) => events.engineAsked({ outcome: outcome.kind, tookMs }),
      judged: (what) => events.engineJudged(what),
    })
  }

  /** The store, watched: waiting for the engine costs nothing while a batch is being stored. */
  watched(store: Store): Store {
    return {
      commit: (batch: ReadyBatch): Promise<readonly CommitOutcome[]> => {
        const storing = store.commit(batch)
        const over = storing.then(
          () => undefined,
          () => undefined,
        )
        this.#storing.add(over)
        void over.then(() => this.#storing.delete(over))
        return storing
      },
    }
  }

  /** What works less well than it should, in words. */
  degraded(): string[] {
    const { state, reason } = this.#breaker
    return state === 'closed' ? [] : [`ML engine: ${reason}; judging in this process`]
  }

  status(fallbackShare: number | null) {
    const { state } = this.#breaker
    return { url: this.#url.href, breaker: state, asks: this.#engine.mode, fallback_share: fallbackShare }
  }

  close(): void {
    this.scorer.close()
    this.#client.close()
  }
}

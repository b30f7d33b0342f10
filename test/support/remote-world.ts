/** The remote scorer with real sockets around a model, and everything it tells. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EngineBreakerState } from '../../src/events.ts'
import type { LogEvent, ScoredLog } from '../../src/log.ts'
import { ModelScorer } from '../../src/scoring/model-scorer.ts'
import { CircuitBreaker } from '../../src/scoring/remote/circuit-breaker.ts'
import { type ClientOptions, EngineClient } from '../../src/scoring/remote/engine-client.ts'
import type { Line } from '../../src/scoring/remote/engine-questions.ts'
import { Patience } from '../../src/scoring/remote/patience.ts'
import { type Outcome, RemoteEngine } from '../../src/scoring/remote/remote-engine.ts'
import { RemoteScorer } from '../../src/scoring/remote/remote-scorer.ts'
import { unscored } from './ready-ranges.ts'

export interface RemoteWorld {
  readonly scorer: RemoteScorer
  /** Of the questions, in the order they ended. */
  readonly outcomes: Outcome[]
  /** Batches that the engine was not asked about. */
  spared(): number
  readonly moves: EngineBreakerState[]
  readonly line: { behind: boolean; storing: Promise<unknown> | null }
  readonly engine: RemoteEngine
  score(events: readonly LogEvent[]): Promise<readonly ScoredLog[]>
  close(): void
}

export interface RemoteWorldOptions extends Partial<ClientOptions> {
  readonly url: URL
  /** By default longer than any test waits: an engine that is well must not look ill on a busy machine. */
  readonly deadlineMs?: number
  readonly fallback?: 'model' | 'rules'
  readonly pauseMs?: number
}

export function remoteWorld(options: RemoteWorldOptions): RemoteWorld {
  const { url, token, linkLocal = false, deadlineMs = 20_000, fallback = 'model', pauseMs = 50, lookup } = options
  const time = {
    clock: () => performance.now(),
    random: Math.random,
    sleep: (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }),
  }
  const outcomes: Outcome[] = []
  let spared = 0
  const moves: EngineBreakerState[] = []
  const line = { behind: false, storing: null as Promise<unknown> | null }
  const lineSeen: Line = { behind: () => line.behind, storing: () => line.storing }
  const client = new EngineClient({ url, token, linkLocal, ...(lookup === undefined ? {} : { lookup }) })
  const engine = new RemoteEngine({ client, ...time })
  const scorer = new RemoteScorer({
    model: new ModelScorer({ servicesMax: 100 }),
    engine,
    breaker: new CircuitBreaker({
      ...time,
      pauseMs,
      pauseMsMax: 4 * pauseMs,
      moved: ({ state }) => void moves.push(state),
    }),
    patience: new Patience(time),
    line: lineSeen,
    deadlineMs,
    fallback,
    ...time,
    asked: ({ outcome }) => void outcomes.push(outcome),
    judged: ({ asked }) => {
      if (!asked) spared++
    },
  })
  return {
    scorer,
    outcomes,
    spared: () => spared,
    moves,
    line,
    engine,
    score: async (events) => (await scorer.score([unscored(events)], 0)).flatMap(({ logs }) => logs),
    close: () => {
      scorer.close()
      client.close()
    },
  }
}

/**
 * Everything the service says, as typed events. Edges call these; src/telemetry.ts turns each into a log line and its metrics.
 * Once a batch, never once a log.
 */
import type { CommitOutcome, ReadyBatch } from './pipeline.ts'

export interface PartitionLag {
  readonly partition: number
  /** First offset not yet in the database. */
  readonly nextOffset: number
  /** First offset past the log's end that a consumer may read. */
  readonly endOffset: number
  /** Age in seconds of the oldest record not yet stored; 0 when there is none. */
  readonly lagSeconds: number
  /** Why its log is not read: it is not the one that was read before. Null while it is read. */
  readonly suspended: string | null
}

export const ENGINE_OUTCOMES = ['answered', 'late', 'unreachable', 'refused', 'garbled'] as const
export type EngineOutcome = (typeof ENGINE_OUTCOMES)[number]
export const ENGINE_BREAKER_STATES = ['closed', 'open', 'half_open'] as const
export type EngineBreakerState = (typeof ENGINE_BREAKER_STATES)[number]

export interface Events {
  kafkaConnected(): void
  kafkaUnavailable(what: { error: unknown; retryInMs: number }): void
  topicSubscribed(topic: string): void
  /** `retryInMs` null: it was there, and is looked for now and then beside everything else. */
  topicMissing(what: { topic: string; retryInMs: number | null }): void
  topicRecreated(what: { topic: string; incarnation: number }): void
  startPinned(what: { topic: string; policy: string; offsets: ReadonlyMap<number, number> }): void
  groupJoined(what: { generation: number; memberId: string; partitions: readonly number[] }): void
  partitionsClaimed(what: { partition: number; epoch: number; nextOffset: number }[]): void
  partitionsRevoked(what: { partitions: readonly number[]; how: 'revoked' | 'lost' | 'stopped' }): void
  partitionHeldByGroup(what: { partition: number; group: string }): void
  fetched(what: { partition: number; records: number; bytes: number }): void
  fetchFailed(what: { partition: number | null; error: unknown }): void
  fetchPaused(what: { bufferedBytes: number }): void
  fetchResumed(): void
  bufferedBytes(bytes: number): void
  gapFound(what: { partition: number; from: number; to: number; reason: string }): void
  clientSkip(what: { partition: number; expected: number; found: number }): void
  staleDelivery(what: { partition: number; records: number }): void
  corruptBatch(what: { partition: number; offset: number; detail: string }): void
  watchdogFired(what: { partition: number; step: 'reseek' | 'recreate' | 'exit' }): void
  lag(partitions: readonly PartitionLag[]): void
  commitHintFailed(error: unknown): void

  postgresConnected(): void
  postgresUnavailable(what: { error: unknown; retryInMs: number }): void
  postgresRefused(what: { error: unknown; retryInMs: number }): void
  flushRetried(what: { sqlstate: string | null; away: boolean; error: unknown }): void
  partitionFenced(what: { partition: number }): void
  databaseRewound(what: { partition: number; from: number; databaseOffset: number }): void
  poisonRow(what: { partition: number; offset: number; sqlstate: string }): void
  deadLettersPurged(what: { byAge: number; bySize: number }): void
  migrationApplied(what: { version: number; name: string }): void

  /** Once a question to the engine of ML_ENGINE_URL, when it has ended; its batch may have gone on before. */
  engineAsked(what: { outcome: EngineOutcome; tookMs: number }): void
  /** Once a batch where ML_ENGINE_URL is set: `answered` of its logs by the engine; the pipeline stood still for it meanwhile. */
  engineJudged(what: { asked: boolean; logs: number; answered: number; stalledMs: number }): void
  /** The circuit breaker before the engine moved. */
  engineBreaker(what: { state: EngineBreakerState; reason: string; pauseMs: number }): void
  snapshotRefused(what: { partition: number; reason: string }): void
  batchFinished(what: { batch: ReadyBatch; outcomes: readonly CommitOutcome[]; durationMs: number }): void
  warning(text: string): void
  stopping(what: { signal: string }): void
  stopped(): void
}

/** For tests and tools that have nothing to say: every event a no-op. */
export function silentEvents(overrides: Partial<Events> = {}): Events {
  const nothing = (): void => undefined
  return new Proxy(overrides, { get: (target, name) => Reflect.get(target, name) ?? nothing }) as Events
}

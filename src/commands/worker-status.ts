/** What a worker says of itself: whether it is ready, and the page of /status. */
import type { Config } from '../config.ts'
import type { Readiness } from '../http/server.ts'
import { type ConnectionSecurity, protocolName } from '../kafka/connection-security.ts'
import type { KafkaSource } from '../kafka/source.ts'
import type { StoreState } from '../postgres/log-store.ts'
import type { ModelScorer } from '../scoring/model-scorer.ts'
import { troubleOf } from '../telemetry/score-health.ts'
import type { Telemetry } from '../telemetry.ts'
import type { RemoteScoring } from './remote-scoring.ts'
import { scoreStatus } from './score-status.ts'
import type { Status } from './status.ts'

const GUARANTEE = 'exactly once: rows and position in one transaction'

export interface WorkerParts {
  readonly config: Config
  readonly telemetry: Telemetry
  readonly version: string
  readonly source: ReturnType<KafkaSource['status']>
  readonly store: StoreState
  /** Walks all models: only where it is asked for. */
  readonly model: ModelScorer['stats']
  readonly remote: RemoteScoring | null
  readonly stopping: boolean
}

export function readinessOf({ config, telemetry, source, store, remote, stopping }: WorkerParts): Readiness {
  const missing: string[] = []
  if (store.kind === 'connecting') missing.push(`PostgreSQL: ${telemetry.state().postgresError ?? 'not connected yet'}`)
  if (store.kind === 'retrying' || store.kind === 'refused') missing.push(`PostgreSQL: ${store.reason}`)
  if (!source.joined) {
    const { kafkaError, joinWaitsFor } = telemetry.state()
    missing.push(`Kafka: ${kafkaError ?? joinWaitsFor ?? 'not a member of the group yet'}`)
  }
  if (stopping) missing.push('stopping')
  const trouble = troubleOf(telemetry.scores().state)
  const degraded = [
    ...(source.joined && source.topicMissing ? [`Kafka: Topic "${config.kafka.topic}" does not exist any more`] : []),
    ...source.partitions.flatMap(({ suspended }) => (suspended === null ? [] : [`Kafka: ${suspended}`])),
    ...(remote?.degraded() ?? []),
    ...(trouble === null ? [] : [`scores: ${trouble}`]),
  ]
  return { ready: missing.length === 0, missing, degraded }
}

export function statusOf(parts: WorkerParts): Status {
  const { config, telemetry, version, source, store, model, remote } = parts
  const { ready, missing, degraded } = readinessOf(parts)
  return {
    version,
    guarantee: GUARANTEE,
    ready,
    missing,
    degraded,
    topic: config.kafka.topic,
    topic_partitions: source.topicPartitions,
    group: config.kafka.groupId,
    generation: source.generation,
    member: source.memberId,
    kafka: kafkaStatus(config.kafka.security),
    store: store.kind,
    buffered_bytes: source.bufferedBytes,
    scores: [scoreStatus(telemetry.scores(), model())],
    ml_engine: remote?.status(telemetry.fallbackShare()) ?? null,
    batching: {
      rows_max: source.batching.rowsMax,
      interval_ms: Math.round(source.batching.intervalMs),
      stored_in_ms: Math.round(source.batching.storedInMs),
      catching_up: source.batching.catchingUp,
    },
    partitions: source.partitions.map((each) => ({
      partition: each.partition,
      state: each.state,
      epoch: each.epoch,
      next_offset: each.nextOffset,
      end_offset: each.endOffset,
      lag_records: Math.max(0, each.endOffset - each.nextOffset),
      lag_seconds: each.lagSeconds,
      suspended: each.suspended,
    })),
  }
}

function kafkaStatus(security: ConnectionSecurity): NonNullable<Status['kafka']> {
  const { tls, sasl } = security
  return {
    protocol: protocolName(security),
    mechanism: sasl?.mechanism ?? null,
    certificates_checked: tls === null ? null : !tls.insecure,
  }
}

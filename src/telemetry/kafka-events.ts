/** What is said and counted about Kafka. */
import { messageOf, ProcessorError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Voice } from './console-lines.ts'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'
import { Patience } from './patience.ts'

type GroupEvents = Pick<
  Events,
  | 'kafkaConnected'
  | 'kafkaUnavailable'
  | 'topicSubscribed'
  | 'topicMissing'
  | 'topicRecreated'
  | 'startPinned'
  | 'groupJoined'
  | 'partitionsClaimed'
  | 'partitionsRevoked'
  | 'partitionHeldByGroup'
>

export interface EventParts {
  readonly voice: Voice
  readonly metrics: Metrics
  readonly health: Health
}

/** A Kafka makes its groups' coordinators at the first use, in a second or some; one that lacks them for longer is ill. */
const COORDINATOR_PATIENCE_MS = 15_000

/** Membership and the topic. */
export function groupEvents({ voice, metrics, health, clock }: EventParts & { clock: () => number }): GroupEvents {
  const coordinator = new Patience(COORDINATOR_PATIENCE_MS, clock)
  const failed = (reason: string) => metrics.kafkaErrors.inc({ reason })
  return {
    kafkaConnected: () => health.kafkaUp(),
    kafkaUnavailable({ error, retryInMs }) {
      const line = `Kafka: ${messageOf(error)}; ${retry(retryInMs)}`
      const { code } = codeOf(error)
      if (code !== 'KAFKA_NO_COORDINATOR') coordinator.over()
      else if (!coordinator.spent()) {
        failed('no_coordinator')
        health.joinWaits(messageOf(error))
        voice.warn('kafka_unavailable', line, { code }, 'coordinator')
        return
      }
      failed('unavailable')
      health.kafkaDown(messageOf(error))
      voice.error('kafka_unavailable', line, { code })
    },
    topicSubscribed(topic) {
      voice.over('topic_missing', 'kafka_unavailable')
      voice.info('topic_subscribed', `✓ Subscribed to "${topic}" topic`, { topic })
    },
    topicMissing({ topic, retryInMs }) {
      failed('topic_missing')
      const sentence = `Topic "${topic}" does not exist`
      if (retryInMs !== null) health.joinWaits(sentence)
      const next = retryInMs === null ? ' any more; it is looked for until it does' : `; ${retry(retryInMs)}`
      voice.warn('topic_missing', `${sentence}${next}`, { topic })
    },
    topicRecreated({ topic, incarnation }) {
      voice.over('topic_missing')
      const line = `Topic "${topic}" was recreated: reading its incarnation ${incarnation} from 0`
      voice.warn('topic_recreated', line, { topic, incarnation })
    },
    startPinned({ topic, policy, offsets }) {
      voice.over('topic_missing')
      const where = [...offsets].map(([partition, offset]) => `${partition}:${offset}`).join(' ')
      voice.info('start_pinned', `First start on "${topic}": ${policy}, at ${where}`, { topic, policy })
    },
    groupJoined({ generation, memberId, partitions }) {
      coordinator.over()
      health.kafkaUp()
      health.joined(partitions)
      metrics.rebalances.inc()
      metrics.generation.set(generation)
      const what = partitions.length === 0 ? 'no partition' : `partitions ${partitions.join(', ')}`
      voice.info('group_joined', `Joined the group, generation ${generation}: ${what}`, { generation, memberId })
    },
    partitionsClaimed(claims) {
      health.postgresUp()
      health.claimed(claims.map(({ partition }) => partition))
    },
    partitionsRevoked({ partitions, how }) {
      health.revoked(partitions)
      if (partitions.length > 0 && how === 'lost')
        voice.warn('partitions_lost', `Partitions lost: ${partitions.join(', ')}`)
    },
    partitionHeldByGroup({ partition, group }) {
      failed('partition_held')
      voice.warn('partition_held', `Partition ${partition} is held by the consumer group "${group}"`, { partition })
    },
  }
}

type FetchEvents = Pick<
  Events,
  | 'fetched'
  | 'fetchFailed'
  | 'fetchPaused'
  | 'fetchResumed'
  | 'bufferedBytes'
  | 'gapFound'
  | 'clientSkip'
  | 'staleDelivery'
  | 'corruptBatch'
  | 'watchdogFired'
  | 'lag'
  | 'commitHintFailed'
>

/** What comes out of the topic, and what does not. */
export function fetchEvents({ voice, metrics, health }: EventParts): FetchEvents {
  const failed = (reason: string) => metrics.kafkaErrors.inc({ reason })
  return {
    fetched({ records, bytes }) {
      metrics.recordsFetched.inc(records)
      metrics.bytesFetched.inc(bytes)
    },
    fetchFailed({ partition, error }) {
      failed('fetch')
      const where = partition === null ? '' : ` from partition ${partition}`
      voice.error('fetch_failed', `Kafka: fetching${where} failed: ${messageOf(error)}`, codeOf(error))
    },
    fetchPaused: () => metrics.fetchPauses.inc(),
    fetchResumed: () => undefined,
    bufferedBytes: (bytes) => metrics.bufferedBytes.set(bytes),
    gapFound({ partition, from, to, reason }) {
      metrics.gaps.inc()
      metrics.gapOffsets.inc(Math.max(0, to - from))
      const line = `Partition ${partition}: offsets ${from} to ${to - 1} are lost (${reason})`
      voice.error('gap_found', line, { partition, from, to, reason }, `${partition}`)
    },
    clientSkip({ partition, expected, found }) {
      metrics.clientSkips.inc()
      voice.warn('client_skip', `Partition ${partition}: expected offset ${expected}, got ${found}; fetching again`)
    },
    staleDelivery: () => metrics.staleDeliveries.inc(),
    corruptBatch({ partition, offset, detail }) {
      metrics.corruptBatches.inc()
      voice.error('corrupt_batch', `Partition ${partition}, offset ${offset}: ${detail}`, { partition, offset })
    },
    watchdogFired({ partition, step }) {
      metrics.watchdog.inc({ step })
      voice.warn('watchdog_fired', `Partition ${partition} makes no progress: ${step}`, { partition, step })
    },
    lag(partitions) {
      for (const each of partitions) health.lag(each)
      voice.catchUp()
    },
    commitHintFailed(error) {
      metrics.commitHintFailures.inc()
      voice.warn('commit_hint_failed', `Kafka did not take the committed offsets: ${messageOf(error)}`, codeOf(error))
    },
  }
}

export function retry(retryInMs: number): string {
  return `trying again in ${(retryInMs / 1000).toFixed(1)} s`
}

export function codeOf(error: unknown): { code: string | null } {
  return { code: error instanceof ProcessorError ? error.code : null }
}

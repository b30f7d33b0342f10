/** The real transport: requests to Kafka brokers through @platformatic/kafka. What the calls promise is told in transport.ts. */
import {
  findCoordinatorV4,
  heartbeatV4,
  joinGroupV7,
  leaveGroupV5,
  listOffsetsV7,
  offsetCommitV8,
  offsetFetchV8,
  offsetForLeaderEpochV4,
  syncGroupV5,
} from '@platformatic/kafka'
import { ProcessorError } from '../errors.ts'
import { epochMs } from '../log.ts'
import { BrokerCluster, type ClusterOptions, throwIfRefused } from './broker-cluster.ts'
import type { BrokerConnection } from './broker-connection.ts'
import { errorName } from './error-name.ts'
import { FETCH_BY_ID_VERSION, fetchApi, fetchByIdApi } from './fetch-api.ts'
import { coordinatorError } from './group-errors.ts'
import type { GroupTransport, KafkaTransport, LogTransport } from './transport.ts'

const UNKNOWN_TOPIC = 3
const READ_COMMITTED = 1
const CONSUMER = -1
const GROUP_KEY = 0
const PROTOCOL_TYPE = 'consumer'
const NO_TOPIC_ID = '0'.repeat(32)

/** Nothing is connected before the first `open...`; every one of them has connections of its own. */
export function platformaticTransport(options: ClusterOptions): KafkaTransport {
  const open = new Set<{ close(): void }>()
  const cluster = (): BrokerCluster => {
    const opened = new BrokerCluster(options)
    open.add(opened)
    return opened
  }
  const closed = (which: BrokerCluster): void => {
    which.close()
    open.delete(which)
  }
  return {
    async openLog() {
      const opened = cluster()
      try {
        await opened.open()
      } catch (error) {
        closed(opened)
        throw error
      }
      return logTransport(opened, () => closed(opened))
    },
    async openGroup(groupId) {
      const opened = cluster()
      try {
        const coordinator = await findCoordinator(opened, groupId)
        // A connection of its own, even where the broker that told it is the coordinator.
        return groupTransport(groupId, opened.at(coordinator, 'fetch'), () => closed(opened))
      } catch (error) {
        closed(opened)
        throw error
      }
    },
    async close() {
      for (const each of open) each.close()
      open.clear()
    },
  }
}

function logTransport(cluster: BrokerCluster, close: () => void): LogTransport {
  return {
    async metadata(topic) {
      const answer = await cluster.metadata([topic])
      const found = answer.topics.find((each) => each.name === topic)
      const missing = found === undefined || found.errorCode === UNKNOWN_TOPIC
      const topicId = missing ? '' : found.topicId.replaceAll('-', '')
      const partitions = (found?.partitions ?? [])
        .map((each) => ({ partition: each.partitionIndex, leader: each.leaderId, leaderEpoch: each.leaderEpoch }))
        .sort((a, b) => a.partition - b.partition)
      return {
        clusterId: answer.clusterId ?? '',
        topicId: topicId === NO_TOPIC_ID ? '' : topicId,
        partitions: missing || partitions.length === 0 ? null : partitions,
      }
    },
    async fetch(request, signal) {
      const connection = await cluster.node(request.node, 'fetch')
      const known = request.topicId !== undefined && request.topicId !== ''
      const api = known && cluster.fetchVersionMax >= FETCH_BY_ID_VERSION ? fetchByIdApi : fetchApi
      return connection.ask((to) => api.async(to, request), { heldMs: request.maxWaitMs, signal })
    },
    async listOffsets({ node, topic, partitions }) {
      const connection = await cluster.node(node, 'other')
      const wanted = partitions.map((each) => ({
        partitionIndex: each.partition,
        currentLeaderEpoch: each.leaderEpoch,
        timestamp: BigInt(Math.floor(each.timestamp)),
      }))
      const answer = await connection.ask((to) =>
        listOffsetsV7.api.async(to, CONSUMER, READ_COMMITTED, [{ name: topic, partitions: wanted }]),
      )
      return answer.topics.flatMap((each) =>
        each.partitions.map(({ partitionIndex, errorCode, offset, timestamp }) => ({
          partition: partitionIndex,
          errorCode,
          offset: Number(offset),
          timestamp: epochMs(Number(timestamp)),
        })),
      )
    },
    async offsetForLeaderEpoch({ node, topic, partition, currentLeaderEpoch, leaderEpoch }) {
      const connection = await cluster.node(node, 'other')
      const answer = await connection.ask((to) =>
        offsetForLeaderEpochV4.api.async(to, CONSUMER, [
          { name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch, leaderEpoch }] },
        ]),
      )
      const found = answer.topics[0]?.partitions[0]
      if (found === undefined) throw new ProcessorError('KAFKA_PROTOCOL', 'an OffsetForLeaderEpoch answer is empty')
      return { errorCode: found.errorCode, leaderEpoch: found.leaderEpoch, endOffset: Number(found.endOffset) }
    },
    async close() {
      close()
    },
  }
}

async function findCoordinator(cluster: BrokerCluster, groupId: string): Promise<{ host: string; port: number }> {
  const answer = await cluster.anyBroker((connection) =>
    connection.ask((to) => findCoordinatorV4.api.async(to, GROUP_KEY, [groupId])),
  )
  const found = answer.coordinators[0]
  if (found === undefined) throw new ProcessorError('KAFKA_PROTOCOL', 'a FindCoordinator answer is empty')
  throwIfRefused(found.errorCode, `group ${groupId}`)
  if (found.errorCode !== 0) throw coordinatorError(groupId, found.errorCode)
  return { host: found.host, port: found.port }
}

function groupTransport(groupId: string, coordinator: BrokerConnection, close: () => void): GroupTransport {
  // A SyncGroup is held back until the leader has sent the assignments, which it may take a rebalance's time for.
  let rebalanceTimeoutMs = 0
  return {
    async join(request) {
      rebalanceTimeoutMs = request.rebalanceTimeoutMs
      const { sessionTimeoutMs, memberId, protocols } = request
      const answer = await coordinator.ask(
        (to) =>
          joinGroupV7.api.async(to, groupId, sessionTimeoutMs, rebalanceTimeoutMs, memberId, null, PROTOCOL_TYPE, [
            ...protocols,
          ]),
        { heldMs: rebalanceTimeoutMs },
      )
      return {
        errorCode: answer.errorCode,
        generation: answer.generationId,
        memberId: answer.memberId ?? '',
        leaderId: answer.leader ?? '',
        protocol: answer.protocolName ?? '',
        members: answer.members.map((each) => ({
          memberId: each.memberId,
          metadata: each.metadata ?? Buffer.alloc(0),
        })),
      }
    },
    async sync({ generation, memberId, protocol, assignments }) {
      const answer = await coordinator.ask(
        (to) =>
          syncGroupV5.api.async(to, groupId, generation, memberId, null, PROTOCOL_TYPE, protocol, [...assignments]),
        { heldMs: rebalanceTimeoutMs },
      )
      return { errorCode: answer.errorCode, assignment: answer.assignment }
    },
    async heartbeat({ generation, memberId }) {
      const answer = await coordinator.ask((to) => heartbeatV4.api.async(to, groupId, generation, memberId, null))
      return { errorCode: answer.errorCode }
    },
    async leave(memberId) {
      await coordinator.ask((to) => leaveGroupV5.api.async(to, groupId, [{ memberId, groupInstanceId: null }]))
    },
    async commit({ generation, memberId, topic, offsets }) {
      const partitions = offsets.map((each) => ({
        partitionIndex: each.partition,
        committedOffset: BigInt(each.offset),
        committedLeaderEpoch: each.leaderEpoch,
        committedMetadata: null,
      }))
      const answer = await coordinator.ask((to) =>
        offsetCommitV8.api.async(to, groupId, generation, memberId, null, [{ name: topic, partitions }]),
      )
      return answer.topics.flatMap((each) =>
        each.partitions.map(({ partitionIndex, errorCode }) => ({ partition: partitionIndex, errorCode })),
      )
    },
    async committed(topic, partitions) {
      const topics = [{ name: topic, partitionIndexes: [...partitions] }]
      const answer = await coordinator.ask((to) =>
        offsetFetchV8.api.async(to, [{ groupId, memberEpoch: -1, topics }], false),
      )
      const group = answer.groups[0]
      if (group === undefined) throw new ProcessorError('KAFKA_PROTOCOL', 'an OffsetFetch answer is empty')
      throwIfRefused(group.errorCode, `offsets of group ${groupId}`)
      if (group.errorCode !== 0) {
        throw new ProcessorError('KAFKA_UNAVAILABLE', `offsets of ${groupId}: ${errorName(group.errorCode)}`)
      }
      const offsets = new Map<number, number>()
      for (const each of group.topics.flatMap((found) => found.partitions)) {
        throwIfRefused(each.errorCode, `offsets of ${groupId} in ${topic}`)
        if (each.errorCode !== 0) {
          throw new ProcessorError('KAFKA_UNAVAILABLE', `offsets of ${groupId}: ${errorName(each.errorCode)}`)
        }
        if (each.committedOffset >= 0n) offsets.set(each.partitionIndex, Number(each.committedOffset))
      }
      return offsets
    },
    async close() {
      close()
    },
  }
}

/** Producing, fetching, finding offsets and topics. */

import type { Value } from './codec.ts'
import { ERROR } from './error-codes.ts'
import { LEADER_EPOCH, type PartitionLog } from './partition-log.ts'
import { FETCH, INIT_PRODUCER_ID, LIST_OFFSETS, METADATA, NO_ID, OFFSET_FOR_LEADER_EPOCH, PRODUCE } from './schemas.ts'
import { type Call, NODE_ID, type Served, served, type World } from './served.ts'
import type { Topic } from './topics.ts'

const LATEST = -1
const EARLIEST = -2
const LATEST_TIME = -3

type FetchRequest = Value<typeof FETCH.request>
type FetchTopic = FetchRequest['topics'][number]
type FetchPartition = FetchTopic['partitions'][number]
type FetchResponse = Value<typeof FETCH.response>

export const LOG_APIS: readonly Served[] = [
  served(PRODUCE, (request, { world }) => {
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((each) => produced(world, name, each)),
    }))
    return request.acks === 0 ? null : { topics }
  }),
  served(FETCH, async (request, call) => {
    if (request.sessionId !== 0) return { errorCode: ERROR.FETCH_SESSION_ID_NOT_FOUND, topics: [] }
    await enoughToFetch(request, call)
    return fetched(request, call)
  }),
  served(LIST_OFFSETS, (request, { world }) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, currentLeaderEpoch, timestamp }) => {
        const log = world.topics.log(name, partition)
        const errorCode = log === undefined ? ERROR.UNKNOWN_TOPIC_OR_PARTITION : epochError(currentLeaderEpoch)
        const found = log === undefined || errorCode !== ERROR.NONE ? null : listed(log, timestamp)
        return {
          partition,
          errorCode,
          timestamp: found?.timestamp ?? -1,
          offset: found?.offset ?? -1,
          leaderEpoch: found === null ? -1 : LEADER_EPOCH,
        }
      }),
    })),
  })),
  served(METADATA, (request, call) => {
    const { world } = call
    const everything = request.topics === null || (call.version === 0 && request.topics.length === 0)
    const topics = everything
      ? world.topics.all().map(described)
      : (request.topics ?? []).map((wanted) => lookedUp(world, wanted, request.allowAutoCreate))
    return {
      brokers: [{ nodeId: NODE_ID, ...world.address() }],
      clusterId: world.clusterId,
      controllerId: NODE_ID,
      topics,
    }
  }),
  served(INIT_PRODUCER_ID, (request, { world }) => {
    if (request.transactionalId !== null) {
      return { errorCode: ERROR.INVALID_REQUEST, producerId: -1, producerEpoch: -1 }
    }
    return { errorCode: ERROR.NONE, producerId: world.nextProducerId(), producerEpoch: 0 }
  }),
  served(OFFSET_FOR_LEADER_EPOCH, (request, { world }) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => {
        const log = world.topics.log(name, partition)
        const errorCode = log === undefined ? ERROR.UNKNOWN_TOPIC_OR_PARTITION : epochError(currentLeaderEpoch)
        if (log === undefined || errorCode !== ERROR.NONE || leaderEpoch !== LEADER_EPOCH) {
          return { errorCode, partition, leaderEpoch: -1, endOffset: -1 }
        }
        return { errorCode, partition, leaderEpoch: LEADER_EPOCH, endOffset: log.endOffset }
      }),
    })),
  })),
]

function produced(world: World, topic: string, what: { partition: number; records: Buffer | null }) {
  const { partition, records } = what
  const log = world.topics.log(topic, partition)
  const refuse = (errorCode: number) => ({
    partition,
    errorCode,
    baseOffset: -1,
    logStartOffset: -1,
    errorMessage: null,
  })
  if (log === undefined) return refuse(ERROR.UNKNOWN_TOPIC_OR_PARTITION)
  if (records === null) return refuse(ERROR.INVALID_RECORD)
  const { errorCode, baseOffset } = world.topics.append(log, records)
  return { partition, errorCode, baseOffset, logStartOffset: log.startOffset, errorMessage: null }
}

/** Waits until the wanted partitions hold `minBytes`, one of them is in error, `maxWaitMs` are over, or the broker closes. */
function enoughToFetch(request: FetchRequest, call: Call): Promise<void> {
  const { world } = call
  const enough = (): boolean => {
    let bytes = 0
    for (const topic of request.topics) {
      for (const wanted of topic.partitions) {
        const found = findLog(topic, wanted, call)
        if (typeof found === 'number') return true
        bytes += found.bytesFrom(wanted.fetchOffset)
      }
    }
    return bytes >= request.minBytes
  }
  if (request.maxWaitMs <= 0 || enough() || world.closing.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const stops: (() => void)[] = []
    const finish = (): void => {
      for (const stop of stops) stop()
      resolve()
    }
    for (const topic of request.topics) {
      for (const wanted of topic.partitions) {
        const found = findLog(topic, wanted, call)
        if (typeof found !== 'number') stops.push(found.onAppend(() => enough() && finish()))
      }
    }
    stops.push(world.schedule(finish, request.maxWaitMs))
    world.closing.addEventListener('abort', finish)
    stops.push(() => world.closing.removeEventListener('abort', finish))
  })
}

function fetched(request: FetchRequest, call: Call): FetchResponse {
  let room = request.maxBytes
  let nothingYet = true
  const topics = request.topics.map((topic) => ({
    name: topic.name,
    id: topic.id,
    partitions: topic.partitions.map((wanted) => {
      const { partition } = wanted
      const found = findLog(topic, wanted, call)
      if (typeof found === 'number') {
        const watermarks = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
        return { partition, errorCode: found, ...watermarks, records: [] }
      }
      const records = found.read(wanted.fetchOffset, Math.min(wanted.maxBytes, room), nothingYet)
      for (const batch of records) room -= batch.length
      if (records.length > 0) nothingYet = false
      return {
        partition,
        errorCode: ERROR.NONE,
        highWatermark: found.endOffset,
        lastStableOffset: found.endOffset,
        logStartOffset: found.startOffset,
        records,
      }
    }),
  }))
  return { errorCode: ERROR.NONE, topics }
}

function findLog(wanted: FetchTopic, at: FetchPartition, call: Call): PartitionLog | number {
  const byId = call.version >= 13
  const { topics } = call.world
  const topic = byId ? topics.withId(wanted.id) : topics.named(wanted.name)
  if (topic === undefined) return byId ? ERROR.UNKNOWN_TOPIC_ID : ERROR.UNKNOWN_TOPIC_OR_PARTITION
  const log = topic.logs[at.partition]
  if (log === undefined) return ERROR.UNKNOWN_TOPIC_OR_PARTITION
  const epoch = epochError(at.currentLeaderEpoch)
  if (epoch !== ERROR.NONE) return epoch
  const inside = at.fetchOffset >= log.startOffset && at.fetchOffset <= log.endOffset
  return inside ? log : ERROR.OFFSET_OUT_OF_RANGE
}

function epochError(currentLeaderEpoch: number): number {
  return currentLeaderEpoch > LEADER_EPOCH ? ERROR.UNKNOWN_LEADER_EPOCH : ERROR.NONE
}

function listed(log: PartitionLog, timestamp: number): { offset: number; timestamp: number } | null {
  switch (timestamp) {
    case LATEST:
      return { offset: log.endOffset, timestamp: -1 }
    case EARLIEST:
      return { offset: log.startOffset, timestamp: -1 }
    case LATEST_TIME:
      return log.findLatestTime()
    default:
      return log.findTime(timestamp)
  }
}

function lookedUp(world: World, wanted: { id: string; name: string | null }, autoCreate: boolean) {
  const { id, name } = wanted
  if (name === null) {
    const topic = world.topics.withId(id)
    return topic === undefined ? unknown(null, id, ERROR.UNKNOWN_TOPIC_ID) : described(topic)
  }
  const known = world.topics.named(name)
  if (known !== undefined) return described(known)
  if (!autoCreate || world.autoCreatePartitions === 0) return unknown(name, NO_ID, ERROR.UNKNOWN_TOPIC_OR_PARTITION)
  const created = world.topics.create(name, world.autoCreatePartitions)
  return typeof created === 'number' ? unknown(name, NO_ID, created) : described(created)
}
function unknown(name: string | null, id: string, errorCode: number) {
  return { errorCode, name, id, partitions: [] }
}
function described(topic: Topic) {
  const placed = { leader: NODE_ID, leaderEpoch: LEADER_EPOCH, replicas: [NODE_ID], inSync: [NODE_ID] }
  const partitions = topic.logs.map((_, partition) => ({ partition, ...placed }))
  return { errorCode: ERROR.NONE, name: topic.name, id: topic.id, partitions }
}

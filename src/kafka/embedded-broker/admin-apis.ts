/** Topics made, grown, emptied and deleted from outside. */
import {
  CREATE_PARTITIONS,
  CREATE_TOPICS,
  DELETE_RECORDS,
  DELETE_TOPICS,
  DESCRIBE_CLUSTER,
  DESCRIBE_CONFIGS,
} from './admin-schemas.ts'
import { ERROR } from './error-codes.ts'
import { NO_ID } from './schemas.ts'
import { NODE_ID, type Served, served, type World } from './served.ts'

const TOPIC_RESOURCE = 2
const TOPIC_CONFIGS: readonly (readonly [string, string])[] = [
  ['cleanup.policy', 'delete'],
  ['compression.type', 'producer'],
  ['message.timestamp.type', 'CreateTime'],
  ['max.message.bytes', '104857600'],
  ['min.insync.replicas', '1'],
  ['retention.ms', '-1'],
]

export const ADMIN_APIS: readonly Served[] = [
  served(CREATE_TOPICS, (request, { world }) => ({
    topics: request.topics.map((wanted) => createdTopic(world, wanted, request.validateOnly)),
  })),
  served(DELETE_TOPICS, (request, { world }) => ({
    topics: [...request.topics, ...request.names.map((name) => ({ name, id: NO_ID }))].map(({ name, id }) => {
      const topic = name === null ? world.topics.withId(id) : world.topics.named(name)
      if (topic === undefined) {
        const errorCode = name === null ? ERROR.UNKNOWN_TOPIC_ID : ERROR.UNKNOWN_TOPIC_OR_PARTITION
        return { name, id, errorCode }
      }
      world.deleteTopic(topic)
      return { name: topic.name, id: topic.id, errorCode: ERROR.NONE }
    }),
  })),
  served(DELETE_RECORDS, (request, { world }) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, offset }) => {
        const log = world.topics.log(name, partition)
        if (log === undefined) return { partition, lowWatermark: -1, errorCode: ERROR.UNKNOWN_TOPIC_OR_PARTITION }
        const errorCode = world.topics.deleteRecords(log, offset) ? ERROR.NONE : ERROR.OFFSET_OUT_OF_RANGE
        return { partition, lowWatermark: log.startOffset, errorCode }
      }),
    })),
  })),
  served(CREATE_PARTITIONS, (request, { world }) => ({
    topics: request.topics.map(({ name, count }) => ({
      name,
      errorCode: request.validateOnly ? ERROR.NONE : world.topics.grow(name, count),
    })),
  })),
  served(DESCRIBE_CONFIGS, (request, { world }) => ({
    results: request.resources.map(({ type, name, keys }) => {
      const isTopic = type === TOPIC_RESOURCE
      const missing = isTopic && world.topics.named(name) === undefined
      const configs = (isTopic && !missing ? TOPIC_CONFIGS : [])
        .filter(([config]) => keys === null || keys.includes(config))
        .map(([config, value]) => ({ name: config, value }))
      return { errorCode: missing ? ERROR.UNKNOWN_TOPIC_OR_PARTITION : ERROR.NONE, type, name, configs }
    }),
  })),
  served(DESCRIBE_CLUSTER, (_request, { world }) => ({
    errorCode: ERROR.NONE,
    clusterId: world.clusterId,
    controllerId: NODE_ID,
    brokers: [{ nodeId: NODE_ID, ...world.address() }],
  })),
]

interface WantedTopic {
  readonly name: string
  readonly partitions: number
  readonly assignments: readonly unknown[]
}
function createdTopic(world: World, wanted: WantedTopic, validateOnly: boolean) {
  const { name, assignments } = wanted
  const byDefault = Math.max(1, world.autoCreatePartitions)
  const chosen = wanted.partitions === -1 ? byDefault : wanted.partitions
  const partitions = assignments.length > 0 ? assignments.length : chosen
  const made = validateOnly ? world.topics.refusal(name, partitions) : world.topics.create(name, partitions)
  if (typeof made !== 'number') return { name, id: made.id, errorCode: ERROR.NONE, errorMessage: null, partitions }
  const errorMessage = made === ERROR.NONE ? null : `Topic ${name} with ${partitions} partitions is refused`
  return { name, id: NO_ID, errorCode: made, errorMessage, partitions }
}

/** Consumer groups: membership, offsets, and what tools ask about them. */
import { ERROR } from './error-codes.ts'
import {
  DELETE_GROUPS,
  DESCRIBE_GROUPS,
  FIND_COORDINATOR,
  HEARTBEAT,
  JOIN_GROUP,
  LEAVE_GROUP,
  LIST_GROUPS,
  OFFSET_COMMIT,
  OFFSET_DELETE,
  OFFSET_FETCH,
  SYNC_GROUP,
} from './group-schemas.ts'
import { NODE_ID, type Served, served, type World } from './served.ts'

const GROUP_KEY = 0
const NOT_COMMITTED = { offset: -1, leaderEpoch: -1, metadata: '' }

export const GROUP_APIS: readonly Served[] = [
  served(FIND_COORDINATOR, (request, { world }) => {
    const errorCode = request.keyType === GROUP_KEY ? ERROR.NONE : ERROR.COORDINATOR_NOT_AVAILABLE
    const here = { errorCode, nodeId: NODE_ID, ...world.address() }
    return { ...here, coordinators: request.keys.map((key) => ({ key, ...here })) }
  }),
  served(JOIN_GROUP, ({ groupId, ...join }, { world, version, clientId, clientHost }) =>
    world.groups.join(groupId, { ...join, clientId, clientHost, idFirst: version >= 4 }),
  ),
  served(SYNC_GROUP, ({ groupId, ...sync }, { world }) => world.groups.sync(groupId, sync)),
  served(HEARTBEAT, ({ groupId, ...beat }, { world }) => ({ errorCode: world.groups.heartbeat(groupId, beat) })),
  served(LEAVE_GROUP, ({ groupId, memberId, members }, { world, version }) => {
    if (version < 3) {
      return { errorCode: world.groups.leave(groupId, { memberId, instanceId: null }), members: [] }
    }
    const left = members.map((each) => ({
      memberId: each.memberId,
      instanceId: each.instanceId,
      errorCode: world.groups.leave(groupId, each),
    }))
    return { errorCode: ERROR.NONE, members: left }
  }),
  served(OFFSET_COMMIT, (request, { world }) => {
    const { groupId } = request
    const refusal = world.groups.mayCommit(groupId, request)
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, ...committed }) => {
        if (refusal !== ERROR.NONE) return { partition, errorCode: refusal }
        if (world.topics.log(name, partition) === undefined) {
          return { partition, errorCode: ERROR.UNKNOWN_TOPIC_OR_PARTITION }
        }
        world.groups.commit(groupId, { topic: name, partition }, committed)
        return { partition, errorCode: ERROR.NONE }
      }),
    }))
    return { topics }
  }),
  served(OFFSET_FETCH, (request, { world }) => ({
    topics: committed(world, request.groupId, request.topics),
    errorCode: ERROR.NONE,
    groups: request.groups.map(({ groupId, topics }) => ({
      groupId,
      topics: committed(world, groupId, topics),
      errorCode: ERROR.NONE,
    })),
  })),
  served(DESCRIBE_GROUPS, (request, { world }) => ({
    groups: request.groups.map((groupId) => ({ errorCode: ERROR.NONE, ...world.groups.describe(groupId) })),
  })),
  served(LIST_GROUPS, (request, { world }) => {
    const states = request.states.map((state) => state.toLowerCase())
    const wanted = request.types.length === 0 || request.types.some((type) => type.toLowerCase() === 'classic')
    const groups = world.groups
      .list()
      .filter(({ state }) => wanted && (states.length === 0 || states.includes(state.toLowerCase())))
    return { errorCode: ERROR.NONE, groups }
  }),
  served(DELETE_GROUPS, (request, { world }) => ({
    results: request.groups.map((groupId) => ({ groupId, errorCode: world.groups.delete(groupId) })),
  })),
  served(OFFSET_DELETE, ({ groupId, topics }, { world }) => ({
    errorCode: ERROR.NONE,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition }) => {
        world.groups.deleteOffset(groupId, name, partition)
        return { partition, errorCode: ERROR.NONE }
      }),
    })),
  })),
]

type Wanted = readonly { readonly name: string; readonly partitions: readonly number[] }[] | null

/** What was committed for the wanted partitions; for all there is, where none are named. */
function committed(world: World, groupId: string, wanted: Wanted) {
  const known = world.groups.committed(groupId)
  const asked = wanted ?? [...known].map(([name, partitions]) => ({ name, partitions: [...partitions.keys()] }))
  return asked.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((partition) => ({
      partition,
      ...(known.get(name)?.get(partition) ?? NOT_COMMITTED),
    })),
  }))
}

/** The consumer groups' APIs as data. */
import {
  array,
  between,
  bool,
  bytes,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableString,
  since,
  string,
  struct,
  unused,
} from './codec.ts'
import { api } from './schemas.ts'

const throttle = (from: number) => unused(since(from, int32, 0), 0)
const instanceId = (from: number) => since(from, nullableString, null)

export const FIND_COORDINATOR = api({
  key: 10,
  min: 0,
  max: 4,
  flexibleFrom: 3,
  request: struct({
    key: between(0, 3, string, ''),
    keyType: since(1, int8, 0),
    keys: since(4, array(string), []),
  }),
  response: struct({
    throttle: throttle(1),
    errorCode: between(0, 3, int16, 0),
    errorMessage: unused(between(1, 3, nullableString, null), null),
    nodeId: between(0, 3, int32, -1),
    host: between(0, 3, string, ''),
    port: between(0, 3, int32, -1),
    coordinators: since(
      4,
      array(
        struct({
          key: string,
          nodeId: int32,
          host: string,
          port: int32,
          errorCode: int16,
          errorMessage: unused(nullableString, null),
        }),
      ),
      [],
    ),
  }),
})

export const JOIN_GROUP = api({
  key: 11,
  min: 0,
  max: 7,
  flexibleFrom: 6,
  request: struct({
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: since(1, int32, -1),
    memberId: string,
    instanceId: instanceId(5),
    protocolType: string,
    protocols: array(struct({ name: string, metadata: bytes })),
  }),
  response: struct({
    throttle: throttle(2),
    errorCode: int16,
    generation: int32,
    protocolType: since(7, nullableString, null),
    protocol: string,
    leaderId: string,
    memberId: string,
    members: array(struct({ memberId: string, instanceId: instanceId(5), metadata: bytes })),
  }),
})

export const SYNC_GROUP = api({
  key: 14,
  min: 0,
  max: 5,
  flexibleFrom: 4,
  request: struct({
    groupId: string,
    generation: int32,
    memberId: string,
    instanceId: instanceId(3),
    protocolType: since(5, nullableString, null),
    protocol: since(5, nullableString, null),
    assignments: array(struct({ memberId: string, assignment: bytes })),
  }),
  response: struct({
    throttle: throttle(1),
    errorCode: int16,
    protocolType: since(5, nullableString, null),
    protocol: since(5, nullableString, null),
    assignment: bytes,
  }),
})

export const HEARTBEAT = api({
  key: 12,
  min: 0,
  max: 4,
  flexibleFrom: 4,
  request: struct({ groupId: string, generation: int32, memberId: string, instanceId: instanceId(3) }),
  response: struct({ throttle: throttle(1), errorCode: int16 }),
})

export const LEAVE_GROUP = api({
  key: 13,
  min: 0,
  max: 5,
  flexibleFrom: 4,
  request: struct({
    groupId: string,
    memberId: between(0, 2, string, ''),
    members: since(
      3,
      array(
        struct({
          memberId: string,
          instanceId: nullableString,
          reason: unused(since(5, nullableString, null), null),
        }),
      ),
      [],
    ),
  }),
  response: struct({
    throttle: throttle(1),
    errorCode: int16,
    members: since(3, array(struct({ memberId: string, instanceId: nullableString, errorCode: int16 })), []),
  }),
})

export const OFFSET_COMMIT = api({
  key: 8,
  min: 1,
  max: 8,
  flexibleFrom: 8,
  request: struct({
    groupId: string,
    generation: int32,
    memberId: string,
    instanceId: instanceId(7),
    retentionMs: unused(between(2, 4, int64, -1), -1),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partition: int32,
            offset: int64,
            leaderEpoch: since(6, int32, -1),
            timestamp: unused(between(1, 1, int64, -1), -1),
            metadata: nullableString,
          }),
        ),
      }),
    ),
  }),
  response: struct({
    throttle: throttle(3),
    topics: array(struct({ name: string, partitions: array(struct({ partition: int32, errorCode: int16 })) })),
  }),
})

const wantedTopics = nullableArray(struct({ name: string, partitions: array(int32) }))
const foundTopics = array(
  struct({
    name: string,
    partitions: array(
      struct({
        partition: int32,
        offset: int64,
        leaderEpoch: since(5, int32, -1),
        metadata: nullableString,
        errorCode: unused(int16, 0),
      }),
    ),
  }),
)

export const OFFSET_FETCH = api({
  key: 9,
  min: 1,
  max: 8,
  flexibleFrom: 6,
  request: struct({
    groupId: between(0, 7, string, ''),
    topics: between(0, 7, wantedTopics, null),
    groups: since(8, array(struct({ groupId: string, topics: wantedTopics })), []),
    requireStable: unused(since(7, bool, false), false),
  }),
  response: struct({
    throttle: throttle(3),
    topics: between(0, 7, foundTopics, []),
    errorCode: between(2, 7, int16, 0),
    groups: since(8, array(struct({ groupId: string, topics: foundTopics, errorCode: int16 })), []),
  }),
})

export const DESCRIBE_GROUPS = api({
  key: 15,
  min: 0,
  max: 5,
  flexibleFrom: 5,
  request: struct({ groups: array(string), operations: unused(since(3, bool, false), false) }),
  response: struct({
    throttle: throttle(1),
    groups: array(
      struct({
        errorCode: int16,
        groupId: string,
        state: string,
        protocolType: string,
        protocol: string,
        members: array(
          struct({
            memberId: string,
            instanceId: instanceId(4),
            clientId: string,
            clientHost: string,
            metadata: bytes,
            assignment: bytes,
          }),
        ),
        operations: unused(since(3, int32, 0), -2147483648),
      }),
    ),
  }),
})

export const LIST_GROUPS = api({
  key: 16,
  min: 0,
  max: 5,
  flexibleFrom: 3,
  request: struct({ states: since(4, array(string), []), types: since(5, array(string), []) }),
  response: struct({
    throttle: throttle(1),
    errorCode: int16,
    groups: array(
      struct({
        groupId: string,
        protocolType: string,
        state: since(4, string, ''),
        type: unused(since(5, string, ''), 'classic'),
      }),
    ),
  }),
})

export const DELETE_GROUPS = api({
  key: 42,
  min: 0,
  max: 2,
  flexibleFrom: 2,
  request: struct({ groups: array(string) }),
  response: struct({
    throttle: throttle(0),
    results: array(struct({ groupId: string, errorCode: int16 })),
  }),
})

export const OFFSET_DELETE = api({
  key: 47,
  min: 0,
  max: 0,
  flexibleFrom: 1,
  request: struct({
    groupId: string,
    topics: array(struct({ name: string, partitions: array(struct({ partition: int32 })) })),
  }),
  response: struct({
    errorCode: int16,
    throttle: throttle(0),
    topics: array(struct({ name: string, partitions: array(struct({ partition: int32, errorCode: int16 })) })),
  }),
})

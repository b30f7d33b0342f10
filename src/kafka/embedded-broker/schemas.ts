/** The log's APIs as data: versions, and the messages as in Kafka's own message definitions, field for field. */
import {
  array,
  between,
  bool,
  type Codec,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableBytes,
  nullableString,
  rope,
  since,
  string,
  struct,
  unused,
  uuid,
} from './codec.ts'

export interface Api<Request, Response> {
  readonly key: number
  /** Versions advertised and answered. */
  readonly min: number
  readonly max: number
  readonly flexibleFrom: number
  readonly request: Codec<Request>
  readonly response: Codec<Response>
}
export const api = <Request, Response>(definition: Api<Request, Response>): Api<Request, Response> => definition

export const NO_ID = '0'.repeat(32)
const throttle = (from: number) => unused(since(from, int32, 0), 0)

/** Advertised from version 0: librdkafka stops compressing when it is not (KAFKA-18659); messages older than format 2 are refused. */
export const PRODUCE = api({
  key: 0,
  min: 0,
  max: 9,
  flexibleFrom: 9,
  request: struct({
    transactionalId: since(3, nullableString, null),
    acks: int16,
    timeoutMs: unused(int32, 0),
    topics: array(struct({ name: string, partitions: array(struct({ partition: int32, records: nullableBytes })) })),
  }),
  response: struct({
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partition: int32,
            errorCode: int16,
            baseOffset: int64,
            logAppendTime: unused(since(2, int64, -1), -1),
            logStartOffset: since(5, int64, -1),
            recordErrors: unused(since(8, array(struct({ batchIndex: int32, message: nullableString })), []), []),
            errorMessage: since(8, nullableString, null),
          }),
        ),
      }),
    ),
    throttle: throttle(1),
  }),
})

const topicName = between(0, 12, string, '')
const topicId = since(13, uuid, NO_ID)
const abortedTransactions = nullableArray(struct({ producerId: int64, firstOffset: int64 }))

export const FETCH = api({
  key: 1,
  min: 4,
  max: 13,
  flexibleFrom: 12,
  request: struct({
    replicaId: unused(int32, -1),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    isolation: unused(int8, 0),
    sessionId: since(7, int32, 0),
    sessionEpoch: unused(since(7, int32, -1), -1),
    topics: array(
      struct({
        name: topicName,
        id: topicId,
        partitions: array(
          struct({
            partition: int32,
            currentLeaderEpoch: since(9, int32, -1),
            fetchOffset: int64,
            lastFetchedEpoch: unused(since(12, int32, -1), -1),
            logStartOffset: unused(since(5, int64, -1), -1),
            maxBytes: int32,
          }),
        ),
      }),
    ),
    forgotten: unused(since(7, array(struct({ name: topicName, id: topicId, partitions: array(int32) })), []), []),
    rackId: unused(since(11, string, ''), ''),
  }),
  response: struct({
    throttle: throttle(1),
    errorCode: since(7, int16, 0),
    /** Always 0: no fetch sessions, every request names all its partitions. */
    sessionId: unused(since(7, int32, 0), 0),
    topics: array(
      struct({
        name: topicName,
        id: topicId,
        partitions: array(
          struct({
            partition: int32,
            errorCode: int16,
            highWatermark: int64,
            lastStableOffset: int64,
            logStartOffset: since(5, int64, -1),
            aborted: unused(abortedTransactions, null),
            preferredReadReplica: unused(since(11, int32, -1), -1),
            records: rope,
          }),
        ),
      }),
    ),
  }),
})

export const LIST_OFFSETS = api({
  key: 2,
  min: 1,
  max: 7,
  flexibleFrom: 6,
  request: struct({
    replicaId: unused(int32, -1),
    isolation: unused(since(2, int8, 0), 0),
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ partition: int32, currentLeaderEpoch: since(4, int32, -1), timestamp: int64 })),
      }),
    ),
  }),
  response: struct({
    throttle: throttle(2),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({
            partition: int32,
            errorCode: int16,
            timestamp: int64,
            offset: int64,
            leaderEpoch: since(4, int32, -1),
          }),
        ),
      }),
    ),
  }),
})

const brokerNode = { nodeId: int32, host: string, port: int32 }

export const METADATA = api({
  key: 3,
  min: 0,
  max: 12,
  flexibleFrom: 9,
  request: struct({
    topics: nullableArray(struct({ id: since(10, uuid, NO_ID), name: nullableString })),
    allowAutoCreate: since(4, bool, true),
    clusterOperations: unused(between(8, 10, bool, false), false),
    topicOperations: unused(since(8, bool, false), false),
  }),
  response: struct({
    throttle: throttle(3),
    brokers: array(struct({ ...brokerNode, rack: unused(since(1, nullableString, null), null) })),
    clusterId: since(2, nullableString, null),
    controllerId: since(1, int32, -1),
    topics: array(
      struct({
        errorCode: int16,
        name: nullableString,
        id: since(10, uuid, NO_ID),
        internal: unused(since(1, bool, false), false),
        partitions: array(
          struct({
            errorCode: unused(int16, 0),
            partition: int32,
            leader: int32,
            leaderEpoch: since(7, int32, -1),
            replicas: array(int32),
            inSync: array(int32),
            offline: unused(since(5, array(int32), []), []),
          }),
        ),
        operations: unused(since(8, int32, 0), -2147483648),
      }),
    ),
    operations: unused(between(8, 10, int32, 0), -2147483648),
  }),
})

export const API_VERSIONS = api({
  key: 18,
  min: 0,
  max: 4,
  flexibleFrom: 3,
  request: struct({
    softwareName: unused(since(3, string, ''), ''),
    softwareVersion: unused(since(3, string, ''), ''),
  }),
  response: struct({
    errorCode: int16,
    apis: array(struct({ key: int16, min: int16, max: int16 })),
    throttle: throttle(1),
  }),
})

export const INIT_PRODUCER_ID = api({
  key: 22,
  min: 0,
  max: 4,
  flexibleFrom: 2,
  request: struct({
    transactionalId: nullableString,
    timeoutMs: unused(int32, 0),
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1),
  }),
  response: struct({ throttle: throttle(0), errorCode: int16, producerId: int64, producerEpoch: int16 }),
})

export const OFFSET_FOR_LEADER_EPOCH = api({
  key: 23,
  min: 0,
  max: 4,
  flexibleFrom: 4,
  request: struct({
    replicaId: unused(since(3, int32, -1), -1),
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ partition: int32, currentLeaderEpoch: since(2, int32, -1), leaderEpoch: int32 })),
      }),
    ),
  }),
  response: struct({
    throttle: throttle(2),
    topics: array(
      struct({
        name: string,
        partitions: array(
          struct({ errorCode: int16, partition: int32, leaderEpoch: since(1, int32, -1), endOffset: int64 }),
        ),
      }),
    ),
  }),
})

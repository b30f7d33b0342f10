/** The administration's APIs as data. */
import {
  array,
  between,
  bool,
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
  uuid,
} from './codec.ts'
import { api, NO_ID } from './schemas.ts'

const throttle = (from: number) => unused(since(from, int32, 0), 0)
const timeoutMs = unused(int32, 0)

export const CREATE_TOPICS = api({
  key: 19,
  min: 0,
  max: 7,
  flexibleFrom: 5,
  request: struct({
    topics: array(
      struct({
        name: string,
        /** -1: the broker's default. */
        partitions: int32,
        replication: unused(int16, 1),
        assignments: array(struct({ partition: int32, brokers: unused(array(int32), []) })),
        configs: unused(array(struct({ name: string, value: nullableString })), []),
      }),
    ),
    timeoutMs,
    validateOnly: since(1, bool, false),
  }),
  response: struct({
    throttle: throttle(2),
    topics: array(
      struct({
        name: string,
        id: since(7, uuid, NO_ID),
        errorCode: int16,
        errorMessage: since(1, nullableString, null),
        partitions: since(5, int32, -1),
        replication: unused(since(5, int16, -1), 1),
        configs: unused(since(5, nullableArray(string), null), []),
      }),
    ),
  }),
})

export const DELETE_TOPICS = api({
  key: 20,
  min: 0,
  max: 6,
  flexibleFrom: 4,
  request: struct({
    topics: since(6, array(struct({ name: nullableString, id: uuid })), []),
    names: between(0, 5, array(string), []),
    timeoutMs,
  }),
  response: struct({
    throttle: throttle(1),
    topics: array(
      struct({
        name: nullableString,
        id: since(6, uuid, NO_ID),
        errorCode: int16,
        errorMessage: unused(since(5, nullableString, null), null),
      }),
    ),
  }),
})

export const DELETE_RECORDS = api({
  key: 21,
  min: 0,
  max: 2,
  flexibleFrom: 2,
  request: struct({
    topics: array(struct({ name: string, partitions: array(struct({ partition: int32, offset: int64 })) })),
    timeoutMs,
  }),
  response: struct({
    throttle: throttle(0),
    topics: array(
      struct({
        name: string,
        partitions: array(struct({ partition: int32, lowWatermark: int64, errorCode: int16 })),
      }),
    ),
  }),
})

export const CREATE_PARTITIONS = api({
  key: 37,
  min: 0,
  max: 3,
  flexibleFrom: 2,
  request: struct({
    topics: array(
      struct({
        name: string,
        count: int32,
        assignments: unused(nullableArray(struct({ brokers: array(int32) })), null),
      }),
    ),
    timeoutMs,
    validateOnly: bool,
  }),
  response: struct({
    throttle: throttle(0),
    topics: array(struct({ name: string, errorCode: int16, errorMessage: unused(nullableString, null) })),
  }),
})

export const DESCRIBE_CONFIGS = api({
  key: 32,
  min: 0,
  max: 4,
  flexibleFrom: 4,
  request: struct({
    resources: array(struct({ type: int8, name: string, keys: nullableArray(string) })),
    synonyms: unused(since(1, bool, false), false),
    documentation: unused(since(3, bool, false), false),
  }),
  response: struct({
    throttle: throttle(0),
    results: array(
      struct({
        errorCode: int16,
        errorMessage: unused(nullableString, null),
        type: int8,
        name: string,
        configs: array(
          struct({
            name: string,
            value: nullableString,
            readOnly: unused(bool, true),
            isDefault: unused(between(0, 0, bool, true), true),
            source: unused(since(1, int8, 5), 5),
            sensitive: unused(bool, false),
            synonyms: unused(since(1, array(string), []), []),
            type: unused(since(3, int8, 0), 0),
            documentation: unused(since(3, nullableString, null), null),
          }),
        ),
      }),
    ),
  }),
})

export const DESCRIBE_CLUSTER = api({
  key: 60,
  min: 0,
  max: 1,
  flexibleFrom: 0,
  request: struct({
    operations: unused(bool, false),
    endpointType: unused(since(1, int8, 1), 1),
  }),
  response: struct({
    throttle: throttle(0),
    errorCode: int16,
    errorMessage: unused(nullableString, null),
    endpointType: unused(since(1, int8, 1), 1),
    clusterId: string,
    controllerId: int32,
    brokers: array(struct({ nodeId: int32, host: string, port: int32, rack: unused(nullableString, null) })),
    operations: unused(int32, -2147483648),
  }),
})

/**
 * Fetch, version 13 by topic id (KIP-516) or 12 by topic name, without a fetch session; record batches are handed on as they came. The library's own
 * decodes every record into objects, which costs several times as much as everything else that is done to a log.
 *
 *   request => replica:i32 max_wait_ms:i32 min_bytes:i32 max_bytes:i32 isolation_level:i8 session_id:i32 session_epoch:i32
 *              [topic_name | topic_id:uuid [partition leader_epoch:i32 offset:i64 last_fetched_epoch:i32 log_start:i64 max_bytes:i32]] [] rack
 *   answer => throttle_ms:i32 error:i16 session_id:i32
 *             [topic_name | topic_id:uuid [partition error:i16 high_watermark:i64 last_stable:i64 log_start:i64 [producer:i64 first_offset:i64]
 *              preferred_replica:i32 records]]
 *
 * Source: https://kafka.apache.org/protocol#The_Messages_Fetch
 */
import { createAPI, type Reader, Writer } from '@platformatic/kafka'
import type { FetchedPartition, FetchRequest } from './transport.ts'

export interface FetchAnswer {
  readonly errorCode: number
  readonly partitions: FetchedPartition[]
}

const CONSUMER = -1
const READ_COMMITTED = 1
const UNKNOWN = -1
const EMPTY = Buffer.alloc(0)

/** The first version that asks by topic id. */
export const FETCH_BY_ID_VERSION = 13
export const fetchApi = createAPI<[request: FetchRequest], FetchAnswer>(
  1,
  12,
  (request) => createRequest(request, false),
  parseAnswer,
)
export const fetchByIdApi = createAPI<[request: FetchRequest], FetchAnswer>(
  1,
  FETCH_BY_ID_VERSION,
  (request) => createRequest(request, true),
  parseAnswer,
)

function createRequest(request: FetchRequest, byId: boolean): Writer {
  return Writer.create()
    .appendInt32(CONSUMER)
    .appendInt32(request.maxWaitMs)
    .appendInt32(request.minBytes)
    .appendInt32(request.maxBytes)
    .appendInt8(READ_COMMITTED)
    .appendInt32(0)
    .appendInt32(-1)
    .appendArray([request], (writer, { topic, topicId, positions }) => {
      const named = byId ? writer.appendUUID(topicId) : writer.appendString(topic)
      named.appendArray([...positions], (w, position) => {
        w.appendInt32(position.partition)
          .appendInt32(position.leaderEpoch)
          .appendInt64(BigInt(position.offset))
          .appendInt32(UNKNOWN)
          .appendInt64(BigInt(UNKNOWN))
          .appendInt32(position.maxBytes)
      })
    })
    .appendArray([], () => undefined)
    .appendString('')
    .appendTaggedFields()
}

function parseAnswer(_correlationId: number, _apiKey: number, apiVersion: number, reader: Reader): FetchAnswer {
  reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt32()
  const topics = reader.readArray((r) => {
    if (apiVersion >= FETCH_BY_ID_VERSION) r.readUUID()
    else r.readString()
    return r.readArray(parsePartition)
  })
  return { errorCode, partitions: topics.flat() }
}

function parsePartition(reader: Reader): FetchedPartition {
  const head = {
    partition: reader.readInt32(),
    errorCode: reader.readInt16(),
    highWatermark: Number(reader.readInt64()),
    lastStableOffset: Number(reader.readInt64()),
    logStartOffset: Number(reader.readInt64()),
    abortedTransactions: reader.readArray((r) => ({
      producerId: r.readInt64(),
      firstOffset: Number(r.readInt64()),
    })),
  }
  reader.readInt32()
  return { ...head, batches: reader.readNullableBytes() ?? EMPTY }
}

/**
 * A small producer for the demo, the bench and the tests: acks=all, not idempotent, one batch a request and partition. What it
 * rejects may or may not have been stored; only answers that say "not stored" are tried again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createAPI, createTopicsV7, murmur2, type Reader, Writer } from '@platformatic/kafka'
import { ProcessorError } from '../errors.ts'
import { BrokerCluster } from './broker-cluster.ts'
import type { Codec } from './codecs.ts'
import { type ConnectionSecurity, PLAIN_TEXT } from './connection-security.ts'
import { errorName } from './error-name.ts'
import { type ProducerMessage, writeRecordBatch } from './record-batch-writer.ts'

export interface ProducerOptions {
  /** host:port each. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** @default PLAIN_TEXT */
  readonly security?: ConnectionSecurity
  /** @default lz4 */
  readonly compression?: Codec
  /**
   * Messages without a key go to one partition in runs of so many. 1 keeps neighbours in time neighbours in every partition, as
   * old logs sent at many times their own speed need it. @default 1000
   */
  readonly runMessages?: number
  /** @default 30000 */
  readonly requestTimeoutMs?: number
  /** @default 5000 */
  readonly connectTimeoutMs?: number
  /** Milliseconds since the epoch, for messages without a timestamp. */
  readonly clock?: () => number
  readonly sleep?: (ms: number) => Promise<unknown>
}

export interface Producer {
  /** Stores the messages: by the hash of the key as Java does, or those without a key in turn, in runs. */
  send(topic: string, messages: readonly ProducerMessage[]): Promise<void>
  /** To one partition. The offset of the first message; the others follow. */
  sendTo(topic: string, partition: number, messages: readonly ProducerMessage[]): Promise<number>
  /** Does nothing where the topic exists; resolves when every partition has a leader. */
  createTopic(topic: string, partitions: number, configs?: Readonly<Record<string, string>>): Promise<void>
  close(): Promise<void>
}

const RUN_MESSAGES = 1000
const BATCH_BYTES_MAX = 512 << 10
const RETRY_MS = 100
const TOPIC_ALREADY_EXISTS = 36
const UNKNOWN_TOPIC = 3
/** Not stored, and another broker or moment will do: unknown topic, no leader, not the leader, too few replicas. */
const RETRIABLE: ReadonlySet<number> = new Set([3, 5, 6, 19])

interface ProduceRequest {
  readonly topic: string
  readonly partition: number
  readonly batch: Buffer
  readonly timeoutMs: number
}
interface ProduceAnswer {
  readonly errorCode: number
  readonly baseOffset: number
}

/** Produce, version 9, one batch; the library's own writes every record through a chain of small buffers. */
const produceApi = createAPI<[request: ProduceRequest], ProduceAnswer>(0, 9, createProduceRequest, parseProduceAnswer)

type Settings = Required<ProducerOptions>

/** Connects; rejects with KAFKA_UNAVAILABLE, KAFKA_SECURITY or KAFKA_REFUSED. */
export async function openProducer(given: ProducerOptions): Promise<Producer> {
  const options: Settings = {
    security: PLAIN_TEXT,
    compression: 'lz4',
    runMessages: RUN_MESSAGES,
    requestTimeoutMs: 30_000,
    connectTimeoutMs: 5_000,
    clock: Date.now,
    sleep: (ms) => sleep(ms),
    ...given,
  }
  const cluster = new BrokerCluster(options)
  try {
    await cluster.open()
  } catch (error) {
    cluster.close()
    throw error
  }
  return producerOf(cluster, options)
}

function producerOf(cluster: BrokerCluster, options: Settings): Producer {
  const leaders = new Map<string, readonly number[]>()
  let turn = 0

  /** The leader of each partition, by number. */
  const leadersOf = async (topic: string): Promise<readonly number[]> => {
    const known = leaders.get(topic)
    if (known !== undefined) return known
    const [found] = (await cluster.metadata([topic])).topics
    if (found === undefined || found.errorCode !== 0 || found.partitions.some((each) => each.leaderId < 0)) {
      const hint =
        found?.errorCode === UNKNOWN_TOPIC ? `; make it first: kafka-topics.sh --create --topic ${topic}` : ''
      throw new ProcessorError(
        'KAFKA_TOPIC_MISSING',
        `topic ${topic}: ${errorName(found?.errorCode ?? UNKNOWN_TOPIC)}${hint}`,
      )
    }
    const sorted = found.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map((each) => each.leaderId)
    leaders.set(topic, sorted)
    return sorted
  }

  const produce = async (topic: string, partition: number, messages: readonly ProducerMessage[]): Promise<number> => {
    const batch = writeRecordBatch(messages, { codec: options.compression, nowMs: options.clock() })
    const request = { topic, partition, batch, timeoutMs: options.requestTimeoutMs }
    for (let retries = Math.ceil(options.requestTimeoutMs / RETRY_MS); ; retries--) {
      const leader = (await leadersOf(topic))[partition]
      if (leader === undefined) throw new ProcessorError('INPUT', `topic ${topic} has no partition ${partition}`)
      const connection = await cluster.node(leader, 'other')
      const { errorCode, baseOffset } = await connection.ask((to) => produceApi.async(to, request))
      if (errorCode === 0) return baseOffset
      leaders.delete(topic)
      if (!RETRIABLE.has(errorCode)) throw new ProcessorError('KAFKA_REFUSED', `Produce: ${errorName(errorCode)}`)
      if (retries === 0) throw new ProcessorError('KAFKA_UNAVAILABLE', `Produce: ${errorName(errorCode)}`)
      await options.sleep(RETRY_MS)
    }
  }

  const sendTo = async (topic: string, partition: number, messages: readonly ProducerMessage[]): Promise<number> => {
    let first = -1
    for (const run of runsOf(messages)) {
      const offset = await produce(topic, partition, run)
      if (first < 0) first = offset
    }
    return first
  }

  return {
    sendTo,
    async send(topic, messages) {
      const count = (await leadersOf(topic)).length
      const byPartition = new Map<number, ProducerMessage[]>()
      let unkeyed = 0
      for (const message of messages) {
        const keyed = message.key !== null && message.key !== undefined
        if (!keyed && unkeyed++ % options.runMessages === 0) turn = (turn + 1) % count
        const partition = keyed ? (murmur2(message.key) & 0x7fffffff) % count : turn
        const list = byPartition.get(partition)
        if (list === undefined) byPartition.set(partition, [message])
        else list.push(message)
      }
      await Promise.all(Array.from(byPartition, ([partition, list]) => sendTo(topic, partition, list)))
    },
    async createTopic(topic, partitions, configs = {}) {
      await createTopic(cluster, options, { topic, partitions, configs })
      leaders.delete(topic)
    },
    async close() {
      cluster.close()
    },
  }
}

async function createTopic(
  cluster: BrokerCluster,
  options: Settings,
  what: { topic: string; partitions: number; configs: Readonly<Record<string, string>> },
): Promise<void> {
  const configs = Object.entries(what.configs).map(([name, value]) => ({ name, value }))
  const request = { name: what.topic, numPartitions: what.partitions, replicationFactor: -1, assignments: [], configs }
  const answer = await cluster.anyBroker((connection) =>
    connection.ask((to) => createTopicsV7.api.async(to, [request], options.requestTimeoutMs, false), {
      heldMs: options.requestTimeoutMs,
    }),
  )
  const [created] = answer.topics
  if (created !== undefined && created.errorCode !== 0 && created.errorCode !== TOPIC_ALREADY_EXISTS) {
    const why = created.errorMessage ?? ''
    throw new ProcessorError('KAFKA_REFUSED', `topic ${what.topic}: ${errorName(created.errorCode)} ${why}`)
  }
  for (let retries = Math.ceil(options.requestTimeoutMs / RETRY_MS); retries > 0; retries--) {
    const [found] = (await cluster.metadata([what.topic])).topics
    const ready = found?.errorCode === 0 && found.partitions.every((each) => each.leaderId >= 0)
    if (ready && (created?.errorCode === TOPIC_ALREADY_EXISTS || found.partitions.length === what.partitions)) return
    await options.sleep(RETRY_MS)
  }
  throw new ProcessorError('KAFKA_UNAVAILABLE', `topic ${what.topic} was created but has no leaders`)
}

/** Runs of at most RUN_MESSAGES messages and about BATCH_BYTES_MAX bytes. */
function* runsOf(messages: readonly ProducerMessage[]): Generator<readonly ProducerMessage[]> {
  let from = 0
  let bytes = 0
  for (const [index, { key, value }] of messages.entries()) {
    const size = (key?.length ?? 0) + (value?.length ?? 0)
    if (index > from && (index - from === RUN_MESSAGES || bytes + size > BATCH_BYTES_MAX)) {
      yield messages.slice(from, index)
      from = index
      bytes = 0
    }
    bytes += size
  }
  if (from < messages.length) yield messages.slice(from)
}

/* transactional_id acks:i16 timeout_ms:i32 [topic [partition records]] */
function createProduceRequest({ topic, partition, batch, timeoutMs }: ProduceRequest): Writer {
  return Writer.create()
    .appendString(null)
    .appendInt16(-1)
    .appendInt32(timeoutMs)
    .appendArray([topic], (writer) => {
      writer.appendString(topic).appendArray([partition], (w) => {
        w.appendInt32(partition).appendBytes(batch)
      })
    })
    .appendTaggedFields()
}

/* [topic [partition error:i16 base_offset:i64 append_time:i64 log_start:i64 [...] message]] throttle_ms:i32 */
function parseProduceAnswer(
  _correlationId: number,
  _apiKey: number,
  _apiVersion: number,
  reader: Reader,
): ProduceAnswer {
  const topics = reader.readArray((r) => {
    r.readString()
    return r.readArray((p) => {
      p.readInt32()
      const answer = { errorCode: p.readInt16(), baseOffset: Number(p.readInt64()) }
      p.skip(16)
      p.readArray((e) => {
        e.readInt32()
        e.readNullableString()
      })
      p.readNullableString()
      return answer
    })
  })
  const [answer] = topics.flat()
  if (answer === undefined) throw new ProcessorError('KAFKA_PROTOCOL', 'a Produce answer is empty')
  return answer
}

/** The transport and the reading of records against a real Apache Kafka, with other clients' producers. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka as KafkaJs, logLevel, Partitioners } from 'kafkajs'
import { ProcessorError } from '../../src/errors.ts'
import { platformaticTransport } from '../../src/kafka/platformatic-transport.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { decodeHeaders } from '../../src/kafka/record-headers.ts'
import { type RecordRange, readRange } from '../../src/kafka/record-range.ts'
import type { FetchedPartition, GroupTransport, KafkaTransport, LogTransport } from '../../src/kafka/transport.ts'
import { type RealKafka, realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'

/** Longer than any answer takes on a machine that is slow or busy elsewhere. */
const LIMITS = { requestTimeoutMs: 120_000, connectTimeoutMs: 60_000 }
/** What a fetch waits at the end of a log that nobody writes to. */
const LONG_MS = 100_000
const never = new AbortController().signal
let topics = 0

interface World {
  readonly kafka: RealKafka
  readonly producer: Producer
  readonly transport: KafkaTransport
  readonly log: LogTransport
}
let world: World

async function newTopic(partitions: number): Promise<string> {
  const topic = `transport-${process.pid}-${Date.now()}-${topics++}`
  await world.producer.createTopic(topic, partitions, { 'retention.ms': '-1' })
  return topic
}

async function leaderOf(topic: string): Promise<number> {
  const { partitions } = await world.log.metadata(topic)
  assert.ok(partitions?.[0])
  return partitions[0].leader
}

async function fetch(topic: string, offset: number, more: { maxWaitMs?: number; signal?: AbortSignal } = {}) {
  const answer = await world.log.fetch(
    {
      node: await leaderOf(topic),
      topic,
      positions: [{ partition: 0, offset, leaderEpoch: -1, maxBytes: 1 << 20 }],
      maxWaitMs: more.maxWaitMs ?? 100,
      minBytes: 1,
      maxBytes: 8 << 20,
    },
    more.signal ?? never,
  )
  const [partition] = answer.partitions
  assert.ok(partition)
  return partition
}

/** Everything a reader may see of partition 0, range after range, to the last stable offset. */
async function readAll(topic: string): Promise<RecordRange[]> {
  const ranges: RecordRange[] = []
  for (let at = 0; ; ) {
    const answer: FetchedPartition = await fetch(topic, at)
    assert.equal(answer.errorCode, 0)
    const range = readRange(answer, at, { plainBytesMax: 64 << 20 })
    assert.deepEqual([range.error, range.gapTo, range.from], [null, null, at])
    ranges.push(range)
    at = range.to
    // The marker that ends a transaction is written after its commit was answered: until then the log has more than may be read.
    if (at === answer.lastStableOffset && at === answer.highWatermark) return ranges
  }
}

/** Group coordinators are loaded lazily: error 15 or 14 for the first second of a broker's life. */
async function openGroup(groupId: string): Promise<GroupTransport> {
  for (let tries = 0; ; tries++) {
    try {
      return await world.transport.openGroup(groupId)
    } catch (error) {
      if (tries === 100 || !(error instanceof ProcessorError) || error.code !== 'KAFKA_NO_COORDINATOR') throw error
      await sleep(100)
    }
  }
}

const skip = realKafkaMissing() ?? false

before(async () => {
  if (skip) return
  const kafka = await startRealKafka()
  const brokers = [kafka.address]
  const producer = await openProducer({ brokers, clientId: 'test', compression: 'none' })
  const transport = platformaticTransport({ brokers, clientId: 'test', ...LIMITS })
  world = { kafka, producer, transport, log: await transport.openLog() }
})
after(async () => {
  if (skip) return
  await world.producer.close()
  await world.transport.close()
  await world.kafka.close()
})

it('the transport tells a topic from one that does not exist', { skip }, async () => {
  const topic = await newTopic(3)
  const found = await world.log.metadata(topic)
  assert.match(found.topicId, /^[0-9a-f]{32}$/)
  assert.ok(found.clusterId.length > 0)
  assert.deepEqual(
    found.partitions?.map((each) => each.partition),
    [0, 1, 2],
  )
  assert.deepEqual((await world.log.metadata('there-is-none')).partitions, null)
})

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
  it(`the transport reads back what the producer sends with ${compression}`, { skip }, async () => {
    const topic = await newTopic(1)
    const producer = await openProducer({ brokers: [world.kafka.address], clientId: 'test', compression })
    const sent = Array.from({ length: 2500 }, (_, index) => ({
      key: index % 2 === 0 ? Buffer.from(`k${index}`) : null,
      value: index === 7 ? null : Buffer.from(`value ${index} `.repeat(index % 40)),
      timestamp: 1_700_000_000_000 + index,
      headers: [['h', Buffer.from('v')]] as const,
    }))
    await producer.send(topic, sent)
    await producer.close()
    const records = (await readAll(topic)).flatMap((range) => [...range.records])
    assert.equal(records.length, sent.length)
    for (const [index, { key, value, timestamp }] of sent.entries()) {
      const record = records[index] ?? assert.fail(`no record ${index}`)
      assert.deepEqual([record.offset, record.timestamp, record.key, record.value], [index, timestamp, key, value])
      assert.deepEqual(decodeHeaders(record.headers), [['h', 'dg==']])
    }
  })
}

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
  it(`the transport reads what Kafka's own producer writes with ${codec}`, { skip }, async () => {
    const topic = await newTopic(1)
    const lines = Array.from({ length: 5000 }, (_, index) => `{"message":"line ${index} of ${codec}"}`)
    const settings = ['--bootstrap-server', world.kafka.address, '--topic', topic, '--compression-codec', codec]
    await world.kafka.tool('org.apache.kafka.tools.ConsoleProducer', settings, `${lines.join('\n')}\n`)
    const records = (await readAll(topic)).flatMap((range) => [...range.records])
    assert.deepEqual(
      records.map((record) => record.value?.toString()),
      lines,
    )
  })
}

it('the transport shows committed transactions only and accounts for every other offset as a hole', {
  skip,
}, async () => {
  const topic = await newTopic(1)
  const client = new KafkaJs({ brokers: [world.kafka.address], clientId: 'other', logLevel: logLevel.NOTHING })
  const other = client.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    transactionalId: topic,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  await other.connect()
  const expected: string[] = []
  for (let round = 0; round < 6; round++) {
    const transaction = await other.transaction()
    for (let part = 0; part < 3; part++) {
      const value = `round ${round} part ${part}`
      await transaction.send({ topic, messages: [{ value }] })
      if (round % 3 !== 1) expected.push(value)
      await world.producer.sendTo(topic, 0, [{ value: Buffer.from(`plain ${round} ${part}`) }])
      expected.push(`plain ${round} ${part}`)
    }
    await (round % 3 === 1 ? transaction.abort() : transaction.commit())
  }
  await other.disconnect()
  const ranges = await readAll(topic)
  const records = ranges.flatMap((range) => [...range.records])
  assert.deepEqual(
    records.map((record) => record.value?.toString()),
    expected,
  )
  const holes = ranges.reduce((sum, range) => sum + range.holes, 0)
  assert.equal(holes, 6 /* markers */ + 2 * 3 /* aborted records */)
  assert.equal(ranges.at(-1)?.to, 36 + 6)
  // From the middle of an aborted transaction on: its beginning lies before the answer.
  const late = readRange(await fetch(topic, 9), 9, { plainBytesMax: 1 << 20 })
  assert.deepEqual(
    [...late.records].map((record) => record.value?.toString()),
    expected.slice(expected.length - late.records.length),
  )
})

it('the transport tells offsets out of range, ends of logs and of epochs as codes and numbers', { skip }, async () => {
  const topic = await newTopic(1)
  const node = await leaderOf(topic)
  await world.producer.sendTo(topic, 0, [{ value: Buffer.from('x'), timestamp: 1_700_000_000_000 }])
  assert.equal((await fetch(topic, 99)).errorCode, 1)
  const at = async (timestamp: number): Promise<number | undefined> => {
    const partitions = [{ partition: 0, leaderEpoch: -1, timestamp }]
    return (await world.log.listOffsets({ node, topic, partitions }))[0]?.offset
  }
  assert.deepEqual(
    [await at(-2), await at(-1), await at(1_600_000_000_000), await at(1_800_000_000_000)],
    [0, 1, 0, -1],
  )
  const none = [{ partition: 5, leaderEpoch: -1, timestamp: -1 }]
  assert.equal((await world.log.listOffsets({ node, topic, partitions: none }))[0]?.errorCode, 3)
  const epoch = { node, topic, partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }
  assert.deepEqual(await world.log.offsetForLeaderEpoch(epoch), { errorCode: 0, leaderEpoch: 0, endOffset: 1 })
})

it('[P18] [F16] the transport asks by topic id, and another topic of the same name does not answer', {
  skip,
}, async () => {
  const topic = await newTopic(1)
  await world.producer.send(topic, [{ key: null, value: Buffer.from('one') }])
  const { topicId } = await world.log.metadata(topic)
  const ask = async (id: string): Promise<FetchedPartition> => {
    const positions = [{ partition: 0, offset: 0, leaderEpoch: -1, maxBytes: 1 << 20 }]
    const request = {
      node: await leaderOf(topic),
      topic,
      topicId: id,
      positions,
      maxWaitMs: 100,
      minBytes: 1,
      maxBytes: 1 << 20,
    }
    const [partition] = (await world.log.fetch(request, never)).partitions
    return partition ?? assert.fail('no partition')
  }
  const found = await ask(topicId)
  assert.deepEqual([found.errorCode, found.lastStableOffset], [0, 1])
  assert.equal(readRange(found, 0, { plainBytesMax: 1 << 20 }).records.length, 1)
  const other = topicId.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
  assert.equal((await ask(other)).errorCode, 100)
})

it('the transport ends a waiting fetch at the abort, and fetches again afterwards', { skip }, async () => {
  const topic = await newTopic(1)
  await fetch(topic, 0) // connected from here on
  const controller = new AbortController()
  const started = performance.now()
  const waiting = fetch(topic, 0, { maxWaitMs: LONG_MS, signal: controller.signal })
  setImmediate(() => controller.abort())
  await assert.rejects(waiting, { code: 'KAFKA_UNAVAILABLE' })
  assert.ok(performance.now() - started < LONG_MS / 2)
  assert.equal((await fetch(topic, 0)).errorCode, 0)
  await assert.rejects(fetch(topic, 0, { signal: controller.signal }), { code: 'KAFKA_UNAVAILABLE' })
})

it('the transport joins, syncs, commits and leaves a group, and hands Kafka error codes back', { skip }, async () => {
  const topic = await newTopic(2)
  const group = await openGroup(topic)
  const wish = {
    protocols: [{ name: 'range', metadata: Buffer.from('m') }],
    sessionTimeoutMs: 6000,
    rebalanceTimeoutMs: 6000,
  }
  let refused = await group.join({ memberId: '', ...wish })
  // A new Kafka's coordinator may still be on its way (15, 16) or loading the group's partition (14).
  for (let tries = 0; [14, 15, 16].includes(refused.errorCode) && tries < 100; tries++) {
    await sleep(100)
    refused = await group.join({ memberId: '', ...wish })
  }
  assert.equal(refused.errorCode, 79)
  const joined = await group.join({ memberId: refused.memberId, ...wish })
  const { memberId, generation } = joined
  assert.deepEqual([joined.errorCode, joined.leaderId, joined.protocol], [0, memberId, 'range'])
  assert.deepEqual(joined.members, [{ memberId, metadata: Buffer.from('m') }])
  const assignments = [{ memberId, assignment: Buffer.from('a') }]
  const synced = await group.sync({ generation, memberId, protocol: 'range', assignments })
  assert.deepEqual(synced, { errorCode: 0, assignment: Buffer.from('a') })
  assert.deepEqual(await group.heartbeat({ generation, memberId }), { errorCode: 0 })
  assert.deepEqual(await group.heartbeat({ generation: generation + 1, memberId }), { errorCode: 22 })
  const offsets = [{ partition: 1, offset: 12, leaderEpoch: 0 }]
  assert.deepEqual(await group.commit({ generation, memberId, topic, offsets }), [{ partition: 1, errorCode: 0 }])
  const late = await group.commit({ generation: generation + 1, memberId, topic, offsets })
  assert.deepEqual(late, [{ partition: 1, errorCode: 22 }])
  assert.deepEqual(await group.committed(topic, [0, 1]), new Map([[1, 12]]))
  await group.leave(memberId)
  assert.deepEqual(await group.heartbeat({ generation, memberId }), { errorCode: 25 })
  await group.close()
  await assert.rejects(group.heartbeat({ generation, memberId }), { code: 'KAFKA_UNAVAILABLE' })
})

it('the transport says that no broker answers, and that it was closed', { skip }, async () => {
  const brokers = ['127.0.0.1:1']
  const lost = platformaticTransport({ brokers, clientId: 'test', ...LIMITS })
  await assert.rejects(lost.openLog(), (error) => error instanceof ProcessorError && error.code === 'KAFKA_UNAVAILABLE')
  const transport = platformaticTransport({ brokers: [world.kafka.address], clientId: 'test', ...LIMITS })
  const log = await transport.openLog()
  await transport.close()
  await assert.rejects(log.metadata('any'), { code: 'KAFKA_UNAVAILABLE' })
})

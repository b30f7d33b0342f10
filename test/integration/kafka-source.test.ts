/** The source against a real Apache Kafka: members come and go, the broker dies, every offset reaches the ledger once. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { silentEvents } from '../../src/events.ts'
import { platformaticTransport } from '../../src/kafka/platformatic-transport.ts'
import { openProducer, type Producer } from '../../src/kafka/producer.ts'
import { KafkaSource } from '../../src/kafka/source.ts'
import { type PartitionRange, run } from '../../src/pipeline.ts'
import { FakeLedger } from '../support/fake-ledger.ts'
import { scored } from '../support/ready-ranges.ts'
import { type RealKafka, realKafkaMissing, startRealKafka } from '../support/real-kafka.ts'

const missing = process.env['TEST_KAFKA_BROKERS'] === undefined ? realKafkaMissing() : null
const skip = missing ?? false
const PARTITIONS = 4

interface Member {
  readonly source: KafkaSource
  readonly stop: () => Promise<void>
  readonly said: string[]
}

function member(address: string, topic: string, ledger: FakeLedger): Member {
  const said: string[] = []
  const tell =
    (name: string) =>
    (what: unknown): void => {
      said.push(`${name} ${JSON.stringify(what)}`)
    }
  const names = [
    'groupJoined',
    'partitionsRevoked',
    'kafkaUnavailable',
    'fetchFailed',
    'commitHintFailed',
    'corruptBatch',
    'watchdogFired',
    'clientSkip',
  ]
  const transport = platformaticTransport({
    brokers: [address],
    clientId: 'test',
    requestTimeoutMs: 40_000,
    connectTimeoutMs: 10_000,
  })
  const source = new KafkaSource({
    transport,
    ledger,
    events: silentEvents(Object.fromEntries(names.map((name) => [name, tell(name)]))),
    detector: { restore: ({ nextOffset }) => nextOffset, drop: () => undefined },
    turn: setImmediate,
    time: {
      clock: () => performance.now(),
      now: () => Date.now(),
      sleep: (ms, signal) => sleep(ms, undefined, { signal }),
      random: Math.random,
    },
    topic,
    groupId: `group-${topic}`,
    startPolicy: 'earliest',
    sessionTimeoutMs: 6_000,
    heartbeatIntervalMs: 500,
    rebalanceTimeoutMs: 10_000,
    lanes: 2,
    rowsMax: 2_000,
    bytesMax: 4_000_000,
    intervalMs: 100,
    ageTargetMs: 500,
    bufferBytesMax: 50_000_000,
    fetchMaxWaitMs: 300,
    fetchBytesMax: 8_000_000,
    fetchPartitionBytesMax: 1_000_000,
    plainBytesMax: 64_000_000,
  })
  const stop = new AbortController()
  const normalize = (_range: PartitionRange) => ({ events: [], rejects: [], skips: {} })
  const parts = {
    source,
    normalize,
    scorer: { score: async (ranges: readonly unknown[]) => ranges.map(() => scored([])) },
    store: ledger,
    finished: () => undefined,
    clock: () => performance.now(),
  }
  const ended = run(parts, stop.signal)
  ended.catch((error: unknown) => said.push(`ended ${String(error)}`))
  const finish = async (): Promise<void> => {
    stop.abort()
    await ended
    await transport.close()
  }
  return { source, stop: finish, said }
}

let kafka: RealKafka
let producer: Producer

before(async () => {
  if (missing !== null) return
  kafka = await startRealKafka()
  producer = await openProducer({ brokers: [kafka.address], clientId: 'test' })
})
after(async () => {
  await producer?.close()
  await kafka?.close()
})

test('members come and go and the broker dies: every offset is stored once', { skip, timeout: 600_000 }, async () => {
  const topic = `source-${process.pid}-${Date.now()}`
  await producer.createTopic(topic, PARTITIONS)
  const ledger = new FakeLedger()
  const members: Member[] = []
  let sent = 0
  const send = async (count: number): Promise<void> => {
    await producer.send(
      topic,
      Array.from({ length: count }, () => ({ value: Buffer.from(`log ${sent++}`) })),
    )
  }
  const stored = (): number => [...ledger.rows.values()].reduce((sum, row) => sum + row.stored.length, 0)
  const until = async (what: string, condition: () => boolean): Promise<void> => {
    for (const end = Date.now() + 180_000; !condition(); await sleep(20)) {
      if (Date.now() > end)
        assert.fail(`${what}: ${stored()} of ${sent}\n${members.map((each) => each.said.join('\n')).join('\n---\n')}`)
    }
  }
  members.push(member(kafka.address, topic, ledger))
  await send(20_000)
  await until('one member', () => stored() === sent)
  const second = member(kafka.address, topic, ledger)
  members.push(second)
  await send(5_000)
  await until('two members share', () =>
    members.every((each) => each.source.status().partitions.length === PARTITIONS / 2),
  )
  await until('two members', () => stored() === sent)
  kafka.kill('SIGKILL')
  await until('both have noticed', () =>
    members.every(({ said }) => said.some((line) => /^kafkaUnavailable|^fetchFailed/.test(line))),
  )
  await kafka.start()
  await send(5_000)
  await until('after the broker died', () => stored() === sent)
  await members[0]?.stop()
  await send(5_000)
  await until('one has left', () => stored() === sent && second.source.status().partitions.length === PARTITIONS)
  await second.stop()
  for (const row of ledger.rows.values()) assert.equal(new Set(row.stored).size, row.next)
  const described = await kafka.tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
    '--bootstrap-server',
    kafka.address,
    '--describe',
    '--group',
    `group-${topic}`,
  ])
  const lags = described
    .split('\n')
    .filter((line) => line.includes(` ${topic} `))
    .map((line) => line.trim().split(/\s+/)[5])
  assert.deepEqual(
    lags,
    Array.from({ length: PARTITIONS }, () => '0'),
    described,
  )
})

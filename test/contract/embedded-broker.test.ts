/** The embedded broker as public clients see it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'

test('kafkajs produces, and two of its consumers share the partitions and read every message', async () => {
  const broker = await startEmbeddedBroker({ topics: [{ name: 'logs', partitions: 4 }] })
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ idempotent: true })
  const consumers = [
    kafka.consumer({ groupId: 'g', heartbeatInterval: 100, maxWaitTimeInMs: 100 }),
    kafka.consumer({ groupId: 'g', heartbeatInterval: 100, maxWaitTimeInMs: 100 }),
  ]
  const admin = kafka.admin()
  try {
    await Promise.all([producer.connect(), admin.connect(), ...consumers.map((each) => each.connect())])
    const wanted = Array.from({ length: 200 }, (_, index) => `m${index}`)
    const seen = new Set<string>()
    const all = Promise.withResolvers<void>()
    for (const consumer of consumers) {
      await consumer.subscribe({ topic: 'logs', fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          seen.add(String(message.value))
          if (seen.size === wanted.length) all.resolve()
        },
      })
    }
    const messages = wanted.map((value, index) => ({ value, partition: index % 4 }))
    await producer.send({ topic: 'logs', messages, compression: CompressionTypes.GZIP })
    await all.promise
    assert.deepEqual([...seen].sort(), [...wanted].sort())
    const described = await admin.describeGroups(['g'])
    assert.equal(described.groups[0]?.groupId, 'g')
    const ends = await admin.fetchTopicOffsets('logs')
    assert.equal(
      ends.reduce((sum, { high }) => sum + Number(high), 0),
      200,
    )
  } finally {
    await Promise.allSettled([producer, admin, ...consumers].map((each) => each.disconnect()))
    await broker.close()
  }
})

test('@platformatic/kafka produces in every compression and consumes it all', async () => {
  const broker = await startEmbeddedBroker({ topics: [{ name: 'logs', partitions: 2 }] })
  const bootstrapBrokers = [broker.address]
  const consumer = new Consumer({
    clientId: 'c',
    groupId: 'p',
    bootstrapBrokers,
    deserializers: stringDeserializers,
  })
  try {
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const producer = new Producer({ clientId: 'p', bootstrapBrokers, compression, serializers: stringSerializers })
      await producer.send({ messages: [{ topic: 'logs', key: compression, value: `by ${compression}` }] })
      await producer.close()
    }
    const stream = await consumer.consume({ topics: ['logs'], mode: 'earliest', autocommit: true })
    const seen: string[] = []
    for await (const message of stream) {
      seen.push(message.value ?? '')
      if (seen.length === 5) break
    }
    await stream.close()
    assert.deepEqual(seen.sort(), ['by gzip', 'by lz4', 'by none', 'by snappy', 'by zstd'])
  } finally {
    await consumer.close(true)
    await broker.close()
  }
})

test('kcat produces with every codec and reads it back', async (context) => {
  if (spawnSync('kcat', ['-V']).error !== undefined) return context.diagnostic('kcat is not installed: left out')
  const { spawn } = await import('node:child_process')
  const broker = await startEmbeddedBroker()
  const kcat = async (args: string[], input: string): Promise<string> => {
    const child = spawn('kcat', ['-b', broker.address, '-t', 'logs', ...args])
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.stdin.end(input)
    const [code] = await once(child, 'close')
    assert.equal(code, 0)
    return output
  }
  try {
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) await kcat(['-P', '-z', codec], `${codec}\n`)
    assert.equal(await kcat(['-C', '-o', 'beginning', '-e', '-q'], ''), 'none\ngzip\nsnappy\nlz4\nzstd\n')
  } finally {
    await broker.close()
  }
})

test('a malformed request costs its own connection and nothing else', async () => {
  const broker = await startEmbeddedBroker({ topics: [{ name: 'logs', partitions: 1 }] })
  const { host, port } = broker
  const garbage = [
    Buffer.from([0x7f, 0xff, 0xff, 0xff]),
    Buffer.from([0, 0, 0, 1, 9]),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from([0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
    Buffer.from([0, 0, 0, 10, 3, 99, 0, 1, 0, 0, 0, 1, 0xff, 0xff]),
  ]
  try {
    for (const bytes of garbage) {
      const socket = connect(port, host)
      socket.on('error', () => undefined)
      socket.resume()
      socket.write(bytes)
      await once(socket, 'close')
    }
    const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    assert.deepEqual(await admin.listTopics(), ['logs'])
    await admin.disconnect()
  } finally {
    await broker.close()
  }
})

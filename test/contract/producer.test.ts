import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { openProducer } from '../../src/kafka/producer.ts'

test('a topic that is not there is named, with what to do', async () => {
  const broker = await startEmbeddedBroker({})
  const producer = await openProducer({ brokers: [broker.address], clientId: 'test' })
  try {
    await assert.rejects(producer.send('nowhere', [{ value: Buffer.from('{}') }]), {
      code: 'KAFKA_TOPIC_MISSING',
      message:
        /^topic nowhere: UNKNOWN_TOPIC_OR_PARTITION \(3\); make it first: kafka-topics\.sh --create --topic nowhere/,
    })
  } finally {
    await producer.close()
    await broker.close()
  }
})

/** Records by their position, read from a broker over the wire: one in the middle of a batch, all of a partition, none where none is. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type EmbeddedBroker, startEmbeddedBroker } from '../../src/kafka/embedded-broker/broker.ts'
import { platformaticTransport } from '../../src/kafka/platformatic-transport.ts'
import { openProducer } from '../../src/kafka/producer.ts'
import { type RecordLookup, recordLookup } from '../../src/kafka/record-lookup.ts'

const TOTAL = 2_500
const large = Buffer.alloc(600_000, 'x')

describe('a record lookup', { timeout: 600_000 }, () => {
  let broker: EmbeddedBroker
  let lookup: RecordLookup

  before(async () => {
    broker = await startEmbeddedBroker({ topics: [{ name: 'logs', partitions: 2 }] })
    const options = { brokers: [broker.address], clientId: 'test', requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 }
    const producer = await openProducer({ ...options, compression: 'none' })
    for (let from = 0; from < TOTAL; from += 500) {
      const messages = Array.from({ length: 500 }, (_, i) => ({
        value: Buffer.from(`value ${from + i}`),
        key: Buffer.from('k'),
      }))
      await producer.sendTo('logs', 1, messages)
      if (from % 1000 === 0) await producer.sendTo('logs', 0, [{ value: large }])
    }
    await producer.close()
    lookup = recordLookup(platformaticTransport(options))
  })
  after(async () => {
    await lookup.close()
    await broker.close()
  })

  const text = async (offset: number): Promise<string | null> =>
    (await lookup.read('logs', 1, offset))?.value?.toString() ?? null

  test('finds the one record that is asked for, wherever in its batch it lies', async () => {
    for (const offset of [0, 1, 499, 500, 777, TOTAL - 1]) assert.equal(await text(offset), `value ${offset}`)
    assert.equal((await lookup.read('logs', 0, 2))?.value?.length, large.length)
  })

  test('answers null beyond the end, in a topic or partition that is not there, and for what was deleted', async () => {
    assert.equal(await text(TOTAL), null)
    assert.equal(await text(TOTAL + 50), null)
    assert.equal(await lookup.read('logs', 7, 0), null)
    assert.equal(await lookup.read('nothing', 0, 0), null)
  })

  test('reads all of a partition in order, each record once', async () => {
    const offsets: number[] = []
    for await (const records of lookup.all('logs', 1)) for (const { offset } of records) offsets.push(offset)
    assert.deepEqual(
      offsets,
      Array.from({ length: TOTAL }, (_, i) => i),
    )
    assert.deepEqual(
      [...(await lookup.ends('logs', 'latest'))],
      [
        [0, 3],
        [1, TOTAL],
      ],
    )
  })

  test('begins where the log begins after a deletion', async () => {
    broker.deleteRecords('logs', 1, 600)
    assert.equal(await text(599), null)
    assert.equal(await text(600), 'value 600')
    const first = await lookup.all('logs', 1).next()
    assert.equal(first.value?.[0]?.offset, 600)
    assert.equal((await lookup.ends('logs', 'earliest')).get(1), 600)
  })
})

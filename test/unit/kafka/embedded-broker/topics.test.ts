import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Topics } from '../../../../src/kafka/embedded-broker/topics.ts'

/** A batch of `records` records whose bodies are nothing but `bodyBytes` zeros. */
function batch(records: number, options: { sequence?: number; timestamp?: number; bodyBytes?: number } = {}): Buffer {
  const bytes = Buffer.alloc(61 + (options.bodyBytes ?? 39))
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt8(2, 16)
  bytes.writeInt32BE(records - 1, 23)
  bytes.writeBigInt64BE(BigInt(options.timestamp ?? 0), 27)
  bytes.writeBigInt64BE(BigInt(options.timestamp ?? 0), 35)
  bytes.writeBigInt64BE(options.sequence === undefined ? -1n : 7n, 43)
  bytes.writeInt32BE(options.sequence ?? -1, 53)
  bytes.writeInt32BE(records, 57)
  return bytes
}
function world(memoryBytesMax = 1e9) {
  const topics = new Topics({ memoryBytesMax, randomId: () => '0'.repeat(32) })
  const topic = topics.create('t', 1)
  assert.ok(typeof topic !== 'number')
  const log = topic.logs[0]
  assert.ok(log !== undefined)
  return { topics, log }
}

test('offsets are assigned in order and patched into the batch', () => {
  const { topics, log } = world()
  assert.deepEqual(topics.append(log, batch(3)), { errorCode: 0, baseOffset: 0 })
  assert.deepEqual(topics.append(log, batch(2)), { errorCode: 0, baseOffset: 3 })
  assert.equal(log.endOffset, 5)
  assert.deepEqual(
    log.read(4, 1e6, true).map((each) => each.readBigInt64BE(0)),
    [3n],
  )
  assert.equal(log.bytesFrom(0), 200)
  assert.equal(log.bytesFrom(5), 0)
})

test('an idempotent batch sent twice is stored once, and a missing one is noticed', () => {
  const { topics, log } = world()
  topics.append(log, batch(3, { sequence: 0 }))
  assert.deepEqual(topics.append(log, batch(3, { sequence: 0 })), { errorCode: 0, baseOffset: 0 })
  assert.equal(topics.append(log, batch(1, { sequence: 9 })).errorCode, 45)
  assert.deepEqual(topics.append(log, batch(1, { sequence: 3 })), { errorCode: 0, baseOffset: 3 })
})

test('beyond the memory limit the oldest batches go and the start of the log moves', () => {
  const { topics, log } = world(250)
  for (let count = 0; count < 4; count += 1) topics.append(log, batch(10))
  assert.equal(topics.bytes, 200)
  assert.equal(log.startOffset, 20)
  assert.equal(log.endOffset, 40)
})

test('a time finds the first batch that reaches it', () => {
  const { topics, log } = world()
  topics.append(log, batch(2, { timestamp: 1_000 }))
  topics.append(log, batch(2, { timestamp: 2_000 }))
  assert.deepEqual(log.findTime(1_500), { offset: 2, timestamp: 2_000 })
  assert.equal(log.findTime(2_001), null)
})

test('a batch that is cut, old or empty is refused and changes nothing', () => {
  const { topics, log } = world()
  const old = batch(1)
  old.writeInt8(1, 16)
  assert.equal(topics.append(log, batch(1).subarray(0, 80)).errorCode, 2)
  assert.equal(topics.append(log, old).errorCode, 43)
  assert.equal(topics.append(log, batch(0)).errorCode, 87)
  assert.equal(log.endOffset, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FETCH, METADATA } from '../../../../src/kafka/embedded-broker/schemas.ts'
import { WireError, WireReader, WireWriter } from '../../../../src/kafka/embedded-broker/wire.ts'

test('a message written in any version reads back the same', () => {
  const id = 'ab'.repeat(16)
  const partition = fc.record({ partition: fc.nat(), leader: fc.nat(), replicas: fc.array(fc.nat()) })
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 12 }), fc.string(), fc.array(partition), (version, name, drawn) => {
      const partitions = drawn.map((each) => ({ ...each, leaderEpoch: 0, inSync: [] }))
      const topics = [{ errorCode: 3, name, id, partitions }]
      const brokers = [{ nodeId: 1, host: 'h', port: 9 }]
      const message = { brokers, clusterId: null, controllerId: 1, topics }
      const form = { version, flexible: true }
      const writer = new WireWriter(form)
      METADATA.response.write(writer, message)
      const bytes = Buffer.concat(writer.finish())
      assert.equal(bytes.readInt32BE(0), bytes.length - 4)
      assert.deepEqual(METADATA.response.read(new WireReader(bytes.subarray(4), form)), message)
    }),
  )
})

test('random bytes are read or refused with a WireError, never anything else', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 13 }), fc.uint8Array({ maxLength: 200 }), (version, bytes) => {
      try {
        FETCH.request.read(new WireReader(Buffer.from(bytes), { version, flexible: version >= 12 }))
      } catch (error) {
        assert.ok(error instanceof WireError)
      }
    }),
  )
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { jsCRC32C } from '@platformatic/kafka'
import { crc32c } from '../../../src/kafka/crc32c.ts'

it('the checksum of the RFC 3720 vectors is the one given there', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, byte) => byte))), 0x46dd794e)
  assert.equal(crc32c(Buffer.alloc(0)), 0)
})

it('the checksum agrees with another implementation at every length, and piece by piece', () => {
  for (let length = 0; length < 100; length++) {
    const bytes = randomBytes(length + 3).subarray(3)
    assert.equal(crc32c(bytes), jsCRC32C(bytes))
    const half = length >> 1
    assert.equal(crc32c(bytes, half, length, crc32c(bytes, 0, half)), jsCRC32C(bytes))
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { packedState, unpackedState } from '../../../src/postgres/packed-state.ts'

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

test('a state is the same after it was packed, whatever its bytes are and wherever they lie', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), fc.nat(7), async (bytes, start) => {
      const state = bytes.subarray(Math.min(start, bytes.length))
      const packed = await packedState(state)
      assert.ok(same(unpackedState(packed), state))
      assert.ok(same(unpackedState(await packedState(packed)), packed))
    }),
  )
})

test('what versions before stored comes back as it is', () => {
  for (const state of [Uint8Array.of(), Uint8Array.of(1), Uint8Array.of(0x67, 0x6e, 0x65, 0x64, 11, 0, 0, 0)])
    assert.equal(unpackedState(state), state)
})

test('a damaged frame is handed on as it is, for the reader of a state to refuse', async () => {
  const packed = await packedState(new Uint8Array(10_000).map((_, i) => (i * i) >>> 3))
  for (const damaged of [packed.subarray(0, 4), packed.subarray(0, packed.length >> 1)])
    assert.equal(unpackedState(damaged), damaged)
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Slab } from '../../../src/anomaly/slab.ts'

it('parts take their place one after the other, each where its numbers may lie, all zero', () => {
  const slab = new Slab(64)
  const [flags, doubles, integers, floats] = [slab.smallIntegers(3), slab.doubles(2), slab.integers(1), slab.floats(3)]
  assert.deepEqual(
    [flags, doubles, integers, floats].map((part) => part.byteOffset),
    [0, 8, 24, 28],
  )
  doubles[1] = -0.5
  integers[0] = 7
  floats[2] = 1.5
  const copy = new Slab(64)
  const again = [copy.smallIntegers(3), copy.doubles(2), copy.integers(1), copy.floats(3)]
  assert.ok(again.every((part) => part.every((number) => number === 0)))
  copy.bytes.set(slab.bytes)
  assert.deepEqual(again, [flags, doubles, integers, floats], 'its bytes are all there is to it')
})

it('says how large it must be, and refuses what it has no room for', () => {
  const parts = (slab: Slab): unknown => [slab.doubles(3), slab.smallIntegers(1)]
  const size = Slab.sizeOf(parts)
  assert.equal(size, 32)
  const slab = new Slab(size)
  parts(slab)
  assert.throws(() => slab.doubles(1), RangeError)
})

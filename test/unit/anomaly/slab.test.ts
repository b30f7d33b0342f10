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

it('a part may have a place in the views that all share, with the numbers that a view of its own would have', () => {
  const shared = new Slab(64)
  shared.smallIntegers(3)
  const at = [shared.placeOfDoubles(2), shared.placeOfIntegers(1), shared.placeOfFloats(3)] as const
  assert.deepEqual(at, [1, 6, 7])
  shared.allDoubles[at[0] + 1] = -0.5
  shared.allIntegers[at[1]] = 7
  shared.allFloats[at[2] + 2] = 1.5
  const owned = new Slab(64)
  owned.smallIntegers(3)
  const [doubles, integers, floats] = [owned.doubles(2), owned.integers(1), owned.floats(3)]
  owned.bytes.set(shared.bytes)
  assert.deepEqual([[...doubles], [...integers], [...floats]], [[0, -0.5], [7], [0, 0, 1.5]])
  assert.throws(() => shared.placeOfDoubles(4), RangeError)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readState, StateWriter } from '../../../src/anomaly/state-bytes.ts'
import { VariantTable } from '../../../src/anomaly/variant-table.ts'
import { testRandom } from '../../support/log-stream.ts'

const CAPACITY = 4096

function hashes(count: number, seed: number): number[] {
  const random = testRandom(seed)
  return Array.from({ length: count }, () => Math.floor(random() * 2 ** 32) | 0)
}

test('a table that grows finds what was put into it, at every size', () => {
  const table = new VariantTable(CAPACITY)
  const put = hashes(CAPACITY / 2, 1)
  for (const [slot, hash] of put.entries()) {
    table.add(hash, slot, slot + 7)
    if (slot % 97 > 0 && slot < put.length - 1) continue
    for (let earlier = 0; earlier <= slot; earlier++) {
      assert.equal(table.peek(put[earlier] ?? 0), earlier)
      assert.equal(table.foundId, earlier + 7)
    }
  }
  assert.equal(table.size, CAPACITY / 2)
})

test('of a flood the last half is kept, and what is asked for again and again', () => {
  const table = new VariantTable(CAPACITY)
  const [first, ...flood] = hashes(20_000, 2)
  table.add(first ?? 0, 1, 2)
  for (const [slot, hash] of flood.entries()) {
    assert.equal(table.find(hash), -1)
    table.add(hash, slot, slot)
    assert.equal(table.find(first ?? 0), 1)
  }
  assert.ok(table.size <= CAPACITY)
  for (const [back, hash] of flood.slice(-CAPACITY / 2).entries()) {
    assert.equal(table.peek(hash), flood.length - CAPACITY / 2 + back)
  }
})

test('a restored table is the one that was written, whatever its size, and goes on as that one does', () => {
  for (const count of [0, 5, 128, 129, 1000, 2048, 3000]) {
    const table = new VariantTable(CAPACITY)
    for (const [slot, hash] of hashes(count, count).entries()) table.add(hash, slot, slot)
    const restored = new VariantTable(CAPACITY)
    const state = stateOf(table)
    assert.equal(typeof readState(state, (bytes) => restored.exchange(bytes)), 'undefined')
    for (const each of [table, restored]) {
      for (const [slot, hash] of hashes(700, 9).entries()) each.add(hash, slot, slot)
    }
    assert.deepEqual(stateOf(restored), stateOf(table))
    assert.equal(restored.size, table.size)
  }
})

function stateOf(table: VariantTable): Buffer {
  const bytes = new StateWriter()
  bytes.start(1_000)
  table.exchange(bytes)
  return Buffer.from(bytes.finish())
}

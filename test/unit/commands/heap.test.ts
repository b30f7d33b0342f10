import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterLargeRecords, garbagePercent } from '../../../src/commands/heap.ts'

const MIB = 1024 * 1024

test('a heap that is small beside its budget may hold nearly as much garbage as is alive', () => {
  assert.equal(garbagePercent(40 * MIB, 256), 90)
  assert.equal(garbagePercent(75 * MIB, 256), 90)
})

test('the more is alive, the less garbage: together they are what the budget leaves, down to a fifth', () => {
  const budget = (256 - 104) * MIB
  for (const alive of [90, 100, 110, 120]) {
    const percent = garbagePercent(alive * MIB, 256)
    assert.ok(percent > 20 && percent < 90, `${percent} %`)
    assert.ok(alive * MIB * (1 + percent / 100) <= budget)
  }
  assert.equal(garbagePercent(140 * MIB, 256), 20)
  assert.equal(garbagePercent(500 * MIB, 256), 20)
  assert.equal(garbagePercent(140 * MIB, 512), 90)
})

test('large records are followed by one collection for an eighth of the budget', () => {
  let collections = 0
  const came = afterLargeRecords(256, () => collections++)
  for (let answer = 0; answer < 40; answer++) came(9.4 * MIB)
  assert.equal(collections, 10)
})

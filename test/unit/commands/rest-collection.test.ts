import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectAtRest, RestWatch } from '../../../src/commands/rest-collection.ts'

function looks(watch: RestWatch, logs: readonly number[]): boolean[] {
  return logs.map((all) => watch.due(all))
}

test('a start is followed by one collection, at the second quiet look, and by no other', () => {
  assert.deepEqual(looks(new RestWatch(500), [10, 10, 10, 10, 10]), [false, true, false, false, false])
})

test('while there is work, nothing is collected, however long it lasts', () => {
  const steady = Array.from({ length: 50 }, (_, index) => index * 500 + 500)
  assert.ok(!looks(new RestWatch(500), steady).includes(true))
})

test('every stretch of work is followed by one collection, and a trickle is no work', () => {
  const watch = new RestWatch(500)
  assert.deepEqual(looks(watch, [9_000, 9_400, 9_800, 9_900]), [false, false, true, false])
  assert.deepEqual(looks(watch, [9_901, 10_000, 10_100]), [false, false, false])
  assert.deepEqual(looks(watch, [20_000, 20_100, 30_000, 30_001, 30_001]), [false, false, false, false, true])
})

test('the collection gives memory back: what was garbage is no longer part of the heap', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const heap = (): number => process.memoryUsage().heapTotal
  const kept: unknown[] = []
  for (let i = 0; i < 400_000; i++) kept.push({ i, text: `${i}` })
  const full = heap()
  kept.length = 0
  const stop = collectAtRest(() => 0)
  t.mock.timers.tick(5_000)
  t.mock.timers.tick(5_000)
  assert.ok(heap() < full - 10_000_000, `${full} -> ${heap()} bytes`)
  stop()
  assert.equal(typeof Reflect.get(globalThis, 'gc'), 'undefined')
})

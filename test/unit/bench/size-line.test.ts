import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sizeLine } from '../../../src/bench/size-line.ts'

const on = (perLog: number, perKib: number) => (bytes: number) => ({ bytes, cost: perLog + (perKib * bytes) / 1024 })

test('points on a line are its two parts, and lie nowhere else', () => {
  const line = sizeLine([180, 300, 1_000, 10_000].map(on(9, 8)))
  assert.equal(line?.perLog.toFixed(6), '9.000000')
  assert.equal(line?.perKib.toFixed(6), '8.000000')
  assert.ok((line?.widest ?? 1) < 1e-6)
})

test('a bent curve lies off every line, and is told by how much', () => {
  const line = sizeLine([180, 1_000, 10_000].map((bytes) => ({ bytes, cost: (bytes / 100) ** 2 })))
  assert.ok((line?.widest ?? 0) > 20, `${line?.widest}`)
})

test('no log costs less than nothing: where the line would, it goes through the origin', () => {
  const line = sizeLine([100, 1_000, 10_000].map((bytes) => ({ bytes, cost: 1e-4 * bytes ** 1.2 })))
  assert.equal(line?.perLog, 0)
  assert.ok((line?.perKib ?? 0) > 0)
})

test('two sizes are no evidence of a line, and a point whose cost is unknown is none', () => {
  const points = [180, 300, 1_000].map(on(9, 8))
  assert.equal(sizeLine(points.slice(1)), null)
  assert.equal(sizeLine([...points.slice(1), { bytes: 180, cost: Number.NaN }]), null)
  const line = sizeLine([...points, { bytes: 3_000, cost: Number.NaN }])
  assert.equal(line?.perLog.toFixed(3), '9.000')
  assert.ok(Number.isNaN(line?.percent[3]))
})

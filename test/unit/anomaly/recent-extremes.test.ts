import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RecentExtremes } from '../../../src/anomaly/recent-extremes.ts'
import { Slab } from '../../../src/anomaly/slab.ts'
import { testRandom } from '../../support/log-stream.ts'

/** -log10 of the share of the last `memory` numbers that are at least `value`, by counting. */
function counted(numbers: readonly number[], memory: number, value: number): number {
  const last = numbers.slice(-memory)
  const larger = last.filter((each) => Math.fround(each) >= Math.fround(value)).length
  return -Math.log10(larger / (last.length + 1))
}

describe('recent extremes', () => {
  it('give the share of the last N numbers that are as large, in the tail', () => {
    const random = testRandom(1)
    const extremes = new RecentExtremes(500)
    const numbers: number[] = []
    let compared = 0
    for (let i = 0; i < 5000; i++) {
      const value = random() + random() + random()
      const expected = counted(numbers, 500, value)
      if (i >= 30 && Number.isFinite(expected) && expected > 1.2) {
        compared++
        assert.ok(Math.abs(extremes.surprise(value, 1.5, 0.6) - expected) < 1e-9, `number ${i}`)
      }
      extremes.learn(value)
      numbers.push(value)
    }
    assert.ok(compared > 200, `${compared} compared`)
  })

  it('grow with the distance beyond the largest, and forget what is older than N', () => {
    const extremes = new RecentExtremes(100)
    extremes.learn(50)
    for (let i = 0; i < 99; i++) extremes.learn(i % 10)
    assert.ok(extremes.surprise(49, 4.5, 0.6) < 2.1, 'one as large is remembered')
    extremes.learn(5)
    const [near, far] = [extremes.surprise(12, 4.5, 0.6), extremes.surprise(49, 4.5, 0.6)]
    assert.ok(near > 2 && far > near + 2, `${near} and ${far}`)
  })

  it('find nothing surprising before thirty numbers, nor in a constant', () => {
    const extremes = new RecentExtremes(100)
    for (let i = 0; i < 29; i++) extremes.learn(1)
    assert.equal(extremes.surprise(1000, 1, 0.6), 0)
    extremes.learn(1)
    assert.ok(extremes.surprise(1, 1, 0.6) < 0.1)
    assert.ok(extremes.surprise(1000, 1, 0.6) > 5)
  })

  it('go on from their bytes as if they had never stopped', () => {
    const random = testRandom(2)
    const slab = new Slab()
    const whole = new RecentExtremes(200, slab)
    for (let i = 0; i < 777; i++) whole.learn(random())
    const copy = new Slab()
    const again = new RecentExtremes(200, copy)
    copy.bytes.set(slab.bytes)
    for (let i = 0; i < 500; i++) {
      const value = random() * 1.1
      assert.equal(again.surprise(value, 0.5, 0.6), whole.surprise(value, 0.5, 0.6))
      again.learn(value)
      whole.learn(value)
    }
  })
})

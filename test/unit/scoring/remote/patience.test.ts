import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Patience } from '../../../../src/scoring/remote/patience.ts'

test('it fills with 3 % of the time that passes, up to 100 ms', () => {
  let ms = 0
  const patience = new Patience({ clock: () => ms })
  assert.equal(patience.leftMs, 100)
  patience.spend(400)
  assert.equal(patience.leftMs, -300)
  ms = 10_000
  assert.equal(patience.leftMs, 0)
  ms = 100_000
  assert.equal(patience.leftMs, 100)
})

test('whatever is spent while there is some left, the total is bounded by share, start and one wait', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(400), fc.nat(250)), { maxLength: 300 }), (steps) => {
      let ms = 0
      let spent = 0
      const patience = new Patience({ clock: () => ms })
      for (const [pauseMs, waitMs] of steps) {
        ms += pauseMs
        if (patience.leftMs <= 0) continue
        ms += waitMs
        spent += waitMs
        patience.spend(waitMs)
      }
      assert.ok(spent <= 100 + 0.03 * ms + 250 + 1e-6, `${spent} of ${ms}`)
    }),
  )
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { ERRORS, EventWindows, LATENCIES, LOGS, SLOW } from '../../../src/anomaly/event-windows.ts'

const COLUMNS = [LOGS, ERRORS, LATENCIES, SLOW]

type Step =
  | { readonly kind: 'next' }
  | { readonly kind: 'restart'; readonly ahead: number }
  | { readonly kind: 'count'; readonly age: number; readonly column: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('next' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), ahead: fc.integer({ min: 31, max: 99 }) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('count' as const),
      age: fc.integer({ min: -2, max: 33 }),
      column: fc.constantFrom(...COLUMNS),
    }),
  },
)

it('the sums are those of the counts in the buckets, whatever the order in which they come', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.array(step, { maxLength: 400, size: 'max' }), (first, steps) => {
      const windows = new EventWindows()
      windows.restart(first)
      let newest = first
      let counted: { bucket: number; column: number }[] = []
      for (const each of steps) {
        if (each.kind === 'next') {
          windows.next()
          newest++
        } else if (each.kind === 'restart') {
          newest += each.ahead
          windows.restart(newest)
          counted = []
        } else {
          windows.count(newest - each.age, each.column)
          // What is to come, and what has left the ring, does not count.
          if (each.age >= 0 && each.age < 30) counted.push({ bucket: newest - each.age, column: each.column })
        }
        assert.equal(windows.bucket, newest)
      }
      const sum = (column: number, from: number, to: number): number =>
        counted.filter((each) => each.column === column && each.bucket >= from && each.bucket <= to).length
      for (const column of COLUMNS) {
        assert.equal(windows.minute(column), sum(column, newest - 5, newest))
        assert.equal(windows.fiveMinutes(column), sum(column, newest - 29, newest))
        for (const buckets of [1, 4, 29])
          assert.equal(windows.before(buckets, column), sum(column, newest - buckets, newest - 1))
      }
      assert.equal(windows.newest(), sum(LOGS, newest, newest))
    }),
  )
})

it('before the first bucket there is none', () => {
  const windows = new EventWindows()
  assert.equal(windows.bucket, -1)
  assert.equal(windows.minute(LOGS), 0)
})

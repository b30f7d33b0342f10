import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import * as probability from '../../../src/anomaly/probability.ts'

const { normalSurprise, normalQuantile, shareSurprise, countSurprise, deficitSurprise } = probability
const near = (actual: number, expected: number, within: number): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${actual}, not ${expected}`)

/** P(X >= k) of a binomial count. */
function binomialTail(k: number, n: number, p: number): number {
  let sum = 0
  for (let i = k, term = 0; i <= n; i++) {
    term = 1
    for (let j = 1; j <= i; j++) term *= ((n - i + j) / j) * p
    sum += term * (1 - p) ** (n - i)
  }
  return sum
}

/** P(X <= n) of a Poisson count. */
function poissonHead(n: number, mu: number): number {
  let term = Math.exp(-mu)
  let sum = term
  for (let i = 1; i <= n; i++) {
    term *= mu / i
    sum += term
  }
  return sum
}

describe('probability', () => {
  it('of a normal value is that of the tables, and its quantile the way back', () => {
    for (const [z, surprise] of [[1.2816, 1], [2.3263, 2], [3.0902, 3], [4.7534, 6], [6.3613, 10]] as const) {
      near(normalSurprise(z), surprise, 0.005)
      near(normalQuantile(1 - 10 ** -surprise), z, 0.0005)
      near(normalQuantile(10 ** -surprise), -z, 0.0005)
    } // biome-ignore format: a table
    assert.deepEqual([-3, 0].map(normalSurprise), [0, 0])
    near(normalQuantile(0.5), 0, 0.0005)
  })

  it('of a share is 0 up to the usual, and by hand beyond it', () => {
    near(shareSurprise(10, 10, 0.1), 10, 1e-9)
    near(shareSurprise(5, 10, 0.1), 2.2185, 1e-4)
    assert.deepEqual([shareSurprise(1, 10, 0.1), shareSurprise(0, 10, 0.1), shareSurprise(0, 0, 0.1)], [0, 0, 0])
  })

  it('of shares and counts never says rarer than it is: Chernoff bounds lie above the tail', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(40),
        fc.double({ min: 0.01, max: 0.95, noNaN: true }),
        (n, k, p) => {
          fc.pre(k <= n)
          assert.ok(shareSurprise(k, n, p) <= -Math.log10(binomialTail(k, n, p)) + 1e-9)
        },
      ),
    )
    fc.assert(
      fc.property(fc.nat(60), fc.double({ min: 0.1, max: 40, noNaN: true }), (n, mu) => {
        const atLeast = n === 0 ? 1 : 1 - poissonHead(n - 1, mu)
        // What is left of 1 is known to 1e-15 only.
        if (atLeast > 1e-12) assert.ok(countSurprise(n, mu) <= -Math.log10(atLeast) + 1e-3)
        assert.ok(deficitSurprise(n, mu) <= -Math.log10(poissonHead(n, mu)) + 1e-9)
      }),
    )
  })

  it('of counts is that of the formula, on one side each', () => {
    near(countSurprise(20, 10), (20 * Math.log(2) - 10) / Math.LN10, 1e-12)
    near(deficitSurprise(0, 10), 10 / Math.LN10, 1e-12)
    near(deficitSurprise(5, 10), (5 * Math.log(0.5) + 5) / Math.LN10, 1e-12)
    assert.deepEqual([countSurprise(10, 10), countSurprise(3, 10), deficitSurprise(10, 10), deficitSurprise(11, 10)], [0, 0, 0, 0]) // biome-ignore format: one line
  })

  it('of large counts differs from the usual in standard deviations', () => {
    near(probability.rootDifference(10_300, 10_000), 3, 0.05)
    near(probability.rootDifference(9_700, 10_000), -3, 0.05)
    assert.equal(probability.rootDifference(7, 7), 0)
  })

  it('sustained: five minutes count as far as the last one bears them out', () => {
    assert.deepEqual([[5, 1], [0, 9], [1, 9], [4, 9], [1, 3]].map(([lately, longer]) => probability.sustained(lately ?? 0, longer ?? 0)), [5, 2, 4, 9, 3]) // biome-ignore format: one line
  })

  it('becomes a score from 0 to below 1 that rises everywhere', () => {
    near(probability.softScore(2.2, 2.2), 0.5, 1e-12)
    near(probability.softScore(4.4, 2.2), 0.75, 1e-12)
    assert.deepEqual([probability.softScore(-1, 2), probability.softScore(0, 2)], [0, 0])
    assert.ok(probability.softScore(1e9, 2) < 1)
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 60, noNaN: true }),
        fc.double({ min: 1e-3, max: 5, noNaN: true }),
        (surprise, more) => {
          assert.ok(probability.softScore(surprise + more, 2.2) > probability.softScore(surprise, 2.2))
        },
      ),
    )
  })
})

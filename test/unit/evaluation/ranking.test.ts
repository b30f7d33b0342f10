import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { IGNORED, rank, rankOrder, recallAbove, thresholdAt } from '../../../src/evaluation/ranking.ts'

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}`)

describe('a ranking', () => {
  // Expected values: scikit-learn 1.x on the same ten scores, ties among them.
  const scores = [0.9, 0.8, 0.8, 0.8, 0.5, 0.5, 0.3, 0.2, 0.2, 0.1]
  const labels = [1, 0, 1, 1, 0, 1, 0, 0, 1, 0]

  it('has the average precision, AUC and best F1 of scikit-learn, equal scores sharing a rank', () => {
    const found = rank(scores, labels)
    near(found.averagePrecision, 0.7444444444444445)
    near(found.auc, 0.76)
    near(found.bestF1, 8 / 11)
    assert.deepEqual([found.positives, found.negatives], [5, 5])
  })

  it('leaves ignored labels out of everything', () => {
    const found = rank([...scores, 0.95, 0.85], [...labels, IGNORED, IGNORED])
    assert.deepEqual(found, rank(scores, labels))
  })

  it('has no average precision without a positive and no AUC without a negative', () => {
    assert.ok(Number.isNaN(rank([1, 2], [0, 0]).averagePrecision))
    assert.ok(Number.isNaN(rank([1, 2], [1, 1]).auc))
  })

  it('refuses a score that is not a number', () => {
    assert.throws(() => rankOrder([0.5, Number.NaN]), RangeError)
  })

  it('has the AUC of its definition: the share of pairs in the right order, ties half', () => {
    const cases = fc.array(fc.record({ score: fc.integer({ min: 0, max: 6 }), label: fc.constantFrom(0, 1) }), {
      minLength: 2,
      maxLength: 40,
    })
    fc.assert(
      fc.property(cases, (logs) => {
        const positives = logs.filter(({ label }) => label === 1)
        const negatives = logs.filter(({ label }) => label === 0)
        fc.pre(positives.length > 0 && negatives.length > 0)
        let right = 0
        for (const { score } of positives) {
          for (const other of negatives) right += score > other.score ? 1 : score === other.score ? 0.5 : 0
        }
        const found = rank(
          logs.map(({ score }) => score),
          logs.map(({ label }) => label),
        )
        near(found.auc, right / (positives.length * negatives.length))
      }),
    )
  })
})

describe('a threshold for a rate of false positives', () => {
  const scores = Array.from({ length: 200 }, (_, i) => i / 200)
  const labels = scores.map((_, i) => (i % 2 === 0 ? 0 : 1))
  const ranked = { order: rankOrder(scores), scores, labels }

  it('is exceeded by at most that share of the negatives', () => {
    for (const rate of [0, 0.01, 0.1, 0.5, 1]) {
      const threshold = thresholdAt(rate, ranked)
      const above = scores.filter((score, i) => labels[i] === 0 && score > threshold).length
      assert.ok(above <= rate * 100, `${above} above at ${rate}`)
      assert.ok(above >= rate * 100 - 1, `${above} above at ${rate}`)
    }
  })

  it('tells the recall above it', () => {
    assert.equal(recallAbove(thresholdAt(0.1, ranked), scores, labels), 0.11)
    assert.ok(Number.isNaN(recallAbove(0, [1], [0])))
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { IsolationForest } from '../../../src/anomaly/isolation-forest.ts'
import { SeededRandom } from '../../../src/anomaly/seeded-random.ts'
import { testRandom } from '../../support/log-stream.ts'

function grown(seed: number): IsolationForest {
  const forest = new IsolationForest({ trees: 50, sampleSize: 128, dimensions: 2 })
  const random = testRandom(5)
  const seeded = new SeededRandom(seed)
  for (let tree = 0; tree < 50; tree++) {
    forest.rebuild(tree, seeded, (into, at) => {
      into[at] = random() + random()
      into[at + 1] = random() + random()
    })
  }
  return forest
}

it('a point far from the others scores higher than one among them', () => {
  const forest = grown(1)
  assert.ok(forest.score([9, 9]) > 0.65)
  assert.ok(forest.score([1, 1]) < 0.5)
})

it('the same seed gives the same forest', () => {
  assert.equal(grown(3).score([1.5, 0.2]), grown(3).score([1.5, 0.2]))
  assert.notEqual(grown(3).score([1.5, 0.2]), grown(4).score([1.5, 0.2]))
})

it('points that are all equal make a forest that finds nothing unusual', () => {
  const forest = new IsolationForest({ trees: 3, sampleSize: 16, dimensions: 2 })
  const random = new SeededRandom(1)
  for (let tree = 0; tree < 3; tree++) forest.rebuild(tree, random, (into, at) => into.fill(4, at, at + 2))
  assert.equal(forest.score([4, 4]), forest.score([100, -3]))
})

describe('a forest fitted to rows', () => {
  const random = testRandom(11)
  const rows = Array.from({ length: 1000 }, () => [random() + random(), random() * 100, 7])

  it('depends on the rows and the seed, and on nothing else', () => {
    const points = [...rows.slice(0, 20), [9, 900, 7]]
    const scores = (seed: number): number[] => points.map((row) => IsolationForest.fit(rows, seed).score(row))
    assert.deepEqual(scores(3), scores(3))
    assert.notDeepEqual(scores(3), scores(4))
  })

  it('ranks planted outliers above nearly all rows', () => {
    const forest = IsolationForest.fit([...rows, [4, 300, 7], [-2, -200, 7], [5, 50, 7]], 1)
    const scores = rows.map((row) => forest.score(row)).sort((a, b) => a - b)
    const high = scores[Math.floor(scores.length * 0.95)] ?? 1
    for (const outlier of [[4, 300, 7], [-2, -200, 7], [5, 50, 7]]) assert.ok(forest.score(outlier) > high) // biome-ignore format: one line
  })

  it('sees every row of a small matrix in every tree', () => {
    const few = Array.from({ length: 40 }, (_, i) => [i, i % 7])
    few.push([1000, 1000])
    for (let seed = 0; seed < 10; seed++) {
      const forest = IsolationForest.fit(few, seed, 5)
      const outlier = forest.score([1000, 1000])
      for (const row of few.slice(0, 40)) assert.ok(forest.score(row) < outlier, `seed ${seed}`)
    }
  })

  it('refuses rows that are none, with the reason', () => {
    assert.throws(() => IsolationForest.fit([], 1), { name: 'RangeError', message: /^sampleSize is 0/ })
    assert.throws(() => IsolationForest.fit([[], []], 1), { name: 'RangeError', message: /^dimensions is 0/ })
    assert.throws(() => IsolationForest.fit([[1, 2], [3]], 1), /row 1 has 1 numbers, not 2/)
    assert.throws(() => IsolationForest.fit([[1], [Number.NaN]], 1), /row 1 has a number that is not finite: NaN/)
    assert.throws(() => IsolationForest.fit([[1], [1e300]], 1), /row 1 has a number that is not finite: 1e\+300/)
    assert.throws(() => IsolationForest.fit([new Array(128).fill(0), new Array(128).fill(1)], 1), /dimensions is 128/)
  })
})

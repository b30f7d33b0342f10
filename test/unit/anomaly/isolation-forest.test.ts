import assert from 'node:assert/strict'
import { it } from 'node:test'
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

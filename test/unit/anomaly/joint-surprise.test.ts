import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as channel from '../../../src/anomaly/channels.ts'
import { DIMENSIONS, JointSurprise } from '../../../src/anomaly/joint-surprise.ts'
import { SeededRandom } from '../../../src/anomaly/seeded-random.ts'
import { StateReader, StateWriter } from '../../../src/anomaly/state-bytes.ts'
import { testRandom } from '../../support/log-stream.ts'

const random = testRandom(4)
/** Of an ordinary log: small, now and then one of them 1 or 2. */
const ordinary = (): Float64Array => Float64Array.from({ length: DIMENSIONS }, () => -Math.log10(1 - random()) * 0.5)
const point = (...values: number[]): Float64Array => Float64Array.from({ length: DIMENSIONS }, (_, d) => values[d] ?? 0)

function trained(logs: number, unsuspicious = true): JointSurprise {
  const joint = new JointSurprise(new SeededRandom(3))
  for (let i = 0; i < logs; i++) {
    joint.lookAt(ordinary())
    joint.learn(unsuspicious)
  }
  return joint
}

function surpriseOf(joint: JointSurprise, at: Float64Array): number {
  joint.lookAt(at)
  return joint.surprise
}

describe('a joint surprise', () => {
  const joint = trained(8_000)

  it('is there once enough unsuspicious logs were seen, and not before', () => {
    assert.equal(trained(400).ready, false)
    assert.equal(surpriseOf(trained(400), point(9, 9, 9)), 0)
    assert.equal(trained(600).ready, true)
    assert.equal(trained(5_000, false).ready, false, 'what is suspicious teaches nothing')
  })

  it('is higher the further out a log lies, and highest where several channels agree', () => {
    const [usual, one, far, both] = [point(), point(5), point(12), point(12, 12, 12)].map((at) => surpriseOf(joint, at))
    assert.ok((usual ?? 9) < 0.5, `${usual}`)
    assert.ok((one ?? 0) > (usual ?? 0) + 1, `${one}`)
    assert.ok((far ?? 0) >= (one ?? 0), `${far} after ${one}`)
    assert.ok((both ?? 0) >= (far ?? 0), `${both} after ${far}`)
  })

  it('tells 5 from 12 though neither was ever seen: trees know raised points', () => {
    const ranks = [3, 5, 8].map((raised) => surpriseOf(joint, point(0, 0, 0, 0, 0, raised)))
    assert.ok(ranks[0]! < ranks[2]!, `${ranks}`)
  })

  it('is that of ordinary logs for most of them', () => {
    const surprises = Array.from({ length: 2_000 }, () => surpriseOf(joint, ordinary()))
    assert.ok(surprises.filter((surprise) => surprise > 2).length < 60)
    assert.ok(surprises.filter((surprise) => surprise < 1).length > 1_600)
  })

  it('takes channels that tell of one thing in two ways as one', () => {
    const surprises = new Float64Array(channel.CHANNELS.length)
    const looked = (at: Readonly<Record<number, number>>): number => {
      surprises.fill(0)
      for (const [c, surprise] of Object.entries(at)) surprises[Number(c)] = surprise
      joint.look(surprises)
      return joint.surprise
    }
    assert.equal(looked({ [channel.LEVEL]: 3 }), surpriseOf(joint, point(0, 0, 0, 3)))
    assert.equal(looked({ [channel.TEMPLATE]: 3 }), surpriseOf(joint, point(0, 0, 0, 3, 3)))
    assert.equal(looked({ [channel.LEVEL]: 2, [channel.TEMPLATE]: 3, [channel.TEMPLATE_BURST]: 4 }), surpriseOf(joint, point(0, 0, 0, 3, 4))) // biome-ignore format: one line
    assert.equal(looked({ [channel.SURGE]: 6 }), surpriseOf(joint, point(0, 0, 0, 0, 0, 0, 6)))
    assert.equal(looked({ [channel.LATENCY]: 6, [channel.LATENCY_SHIFT]: 1, [channel.SLOW_SHARE]: 2 }), surpriseOf(joint, point(6, 1, 2))) // biome-ignore format: one line
  })

  it('is that of the trees as they are now: answers kept from before are forgotten with their trees', () => {
    // So few kinds of points that what is kept of them never pushes itself out.
    const kinds = Array.from({ length: 12 }, (_, i) => point(i / 4, (i % 3) / 2, i % 2))
    const seeds = [new SeededRandom(3), new SeededRandom(3)] as const
    const [kept, fresh] = [new JointSurprise(seeds[0]), new JointSurprise(seeds[1])]
    for (let i = 0; i < 20_000; i++) {
      // What is usual moves on, and the trees with it.
      kept.lookAt(kinds[Math.floor(random() * (2 + i / 2_000)) % kinds.length]!)
      kept.learn(true)
    }
    const writer = new StateWriter()
    writer.start(1_000)
    kept.exchange(writer)
    fresh.exchange(new StateReader(writer.finish()))
    for (const kind of kinds) assert.equal(surpriseOf(kept, kind), surpriseOf(fresh, kind))
  })

  it('is the same after its bytes, and goes on the same', () => {
    const seeds = [new SeededRandom(3), new SeededRandom(99)] as const
    const [one, other] = [new JointSurprise(seeds[0]), new JointSurprise(seeds[1])]
    for (let i = 0; i < 3_000; i++) {
      one.lookAt(ordinary())
      one.learn(true)
    }
    const writer = new StateWriter()
    writer.start(1_000)
    seeds[0].exchange(writer)
    one.exchange(writer)
    const reader = new StateReader(writer.finish())
    seeds[1].exchange(reader)
    other.exchange(reader)
    for (let i = 0; i < 5_000; i++) {
      const at = ordinary()
      assert.equal(surpriseOf(other, at), surpriseOf(one, at), `log ${i}`)
      one.learn(true)
      other.learn(true)
    }
  })
})

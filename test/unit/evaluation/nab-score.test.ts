import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  NAB_PROFILES,
  type NabSeries,
  nabScore,
  nabScoreAt,
  nabWindows,
  probation,
  scaledSigmoid,
} from '../../../src/evaluation/nab-score.ts'

const { standard, reward_low_FP_rate: lowFp, reward_low_FN_rate: lowFn } = NAB_PROFILES

/** 100 points, a window over 40..59, scores of 0 but where said. */
function series(high: Readonly<Record<number, number>>, windows = [{ from: 40, to: 59 }]): NabSeries {
  return { scores: Array.from({ length: 100 }, (_, i) => high[i] ?? 0), windows }
}

/** Within what the sums' rounding may do. */
function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, expected ${expected}`)
}

describe('the score of the Numenta Anomaly Benchmark', () => {
  it("scales positions as the benchmark's documentation says", () => {
    assert.equal(scaledSigmoid(-1).toFixed(5), '0.98661')
    assert.equal(scaledSigmoid(-0.5).toFixed(5), '0.84828')
    assert.equal(scaledSigmoid(0), 0)
    assert.equal(scaledSigmoid(1).toFixed(5), '-0.98661')
    assert.equal(scaledSigmoid(3.01), -1)
  })

  it('is 100 for one detection at the beginning of each window, with any profile', () => {
    for (const profile of Object.values(NAB_PROFILES)) {
      const result = nabScore([series({ 40: 0.9 }), series({ 40: 0.9 })], profile)
      near(result.score, 100)
      assert.equal(result.threshold, 0.9)
      assert.deepEqual([result.windowsFound, result.windows, result.falsePositives], [2, 2, 0])
    }
  })

  it('is 0 where all points are alike: silence is best', () => {
    const result = nabScore([series({})], standard)
    assert.equal(result.score, 0)
    assert.equal(result.threshold, Number.POSITIVE_INFINITY)
  })

  it('counts the earliest detection of a window, by its place', () => {
    const expected = (place: number): number => {
      const reward = scaledSigmoid(-(59 - place + 1) / 20) / scaledSigmoid(-1)
      return (100 * (reward + 1)) / 2
    }
    near(nabScore([series({ 50: 1 })], standard).score, expected(50))
    near(nabScore([series({ 45: 1, 50: 1, 59: 1 })], standard).score, expected(45))
    near(nabScore([series({ 59: 1 })], standard).score, expected(59))
  })

  it('takes a false detection far from windows in full, one just behind a window in part', () => {
    const score = (high: Record<number, number>, profile = standard): number =>
      nabScoreAt([series(high)], profile, 1).score
    near(score({ 40: 1, 20: 1 }), (100 * (1 - 0.11 + 1)) / 2)
    near(score({ 40: 1, 20: 1 }, lowFp), (100 * (1 - 0.22 + 1)) / 2)
    near(score({ 40: 1, 20: 1 }, lowFn), (100 * (1 - 0.11 + 2)) / 3)
    near(score({ 40: 1, 62: 1 }), (100 * (1 + 0.11 * scaledSigmoid(3 / 19) + 1)) / 2)
    near(score({ 20: 1 }), (100 * -0.11) / 2)
  })

  it('leaves out the first 15 %, at most 750 points', () => {
    assert.equal(probation(100), 15)
    assert.equal(probation(4033), 604)
    assert.equal(probation(100_000), 750)
    near(nabScoreAt([series({ 14: 1, 40: 1 })], standard, 1).score, 100)
    assert.ok(nabScoreAt([series({ 15: 1, 40: 1 })], standard, 1).score < 95)
  })

  it('finds the one threshold that suits all series best', () => {
    const one = series({ 40: 0.8, 20: 0.7 })
    const two = series({ 40: 0.6, 90: 0.5 })
    const best = nabScore([one, two], standard)
    assert.equal(best.threshold, 0.6)
    for (const threshold of [0.9, 0.8, 0.7, 0.6, 0.5, 0]) {
      assert.ok(nabScoreAt([one, two], standard, threshold).score <= best.score)
    }
    near(nabScoreAt([one, two], standard, 0.6).score, best.score)
  })

  it('finds labelled times among points, also when clocks went back', () => {
    const times = ['01:00', '01:30', '01:00', '01:30', '02:00', '02:30']
    assert.deepEqual(
      nabWindows(times, [
        ['01:30', '02:00'],
        ['02:30', '02:30'],
      ]),
      [
        { from: 1, to: 4 },
        { from: 5, to: 5 },
      ],
    )
    assert.throws(() => nabWindows(times, [['03:00', '03:30']]), { name: 'RangeError' })
  })

  it('says so when nothing is labelled', () => {
    assert.throws(() => nabScore([series({}, [])], standard), { message: 'no labelled window' })
  })
})

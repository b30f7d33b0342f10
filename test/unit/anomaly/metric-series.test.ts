import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explainMetric } from '../../../src/anomaly/metric-explanation.ts'
import { METRIC_CHANNELS, type MetricChannel, MetricSeries } from '../../../src/anomaly/metric-series.ts'
import { StateReader, StateWriter } from '../../../src/anomaly/state-bytes.ts'
import { testRandom } from '../../support/log-stream.ts'

const MINUTE_SECONDS = 60
const up = (name: MetricChannel): number => 2 * METRIC_CHANNELS.indexOf(name)
const down = (name: MetricChannel): number => up(name) + 1

/** About 40, by a little more or less. */
function calm(values: number): MetricSeries {
  const random = testRandom(5)
  const series = new MetricSeries()
  for (let i = 0; i < values; i++) series.lookThenLearn(40 + random() + random() - 1, i * MINUTE_SECONDS)
  return series
}

function looked(series: MetricSeries, value: number): MetricSeries {
  series.lookThenLearn(value, series.count * MINUTE_SECONDS)
  return series
}

describe('a series of numbers', () => {
  it('is surprised by a jump, in its own direction and more by a farther one', () => {
    const [above, below, far] = [looked(calm(2_000), 50), looked(calm(2_000), 30), looked(calm(2_000), 90)]
    assert.ok(above.surprises[up('jump')]! > 3 && above.surprises[down('jump')]! < 1.5)
    assert.ok(below.surprises[down('jump')]! > 3 && below.surprises[up('jump')]! < 1.5)
    assert.ok(far.strongest > above.strongest + 1, `${far.strongest} after ${above.strongest}`)
    assert.ok(Math.abs(above.expected[METRIC_CHANNELS.indexOf('jump')]! - 40) < 1)
    assert.ok(Math.abs(above.expected[METRIC_CHANNELS.indexOf('ratio_jump')]! - 40) < 1, 'in the unit of the series')
  })

  it('is not surprised by what it does all the time, nor before it knows thirty values', () => {
    const series = calm(2_000)
    const random = testRandom(6)
    let surprised = 0
    for (let i = 0; i < 500; i++) if (looked(series, 40 + random() + random() - 1).strongest > 3.5) surprised++
    assert.ok(surprised <= 3, `${surprised} of 500`)
    assert.equal(looked(calm(29), 4_000).strongest < 0.5, true)
    assert.ok(looked(calm(40), 4_000).strongest > 1)
  })

  it('sees a level that shifted while each step was small, upwards and downwards', () => {
    for (const direction of [1, -1]) {
      const series = calm(2_000)
      for (let i = 0; i < 200; i++) looked(series, 40 + direction * 0.02 * i)
      const place = direction === 1 ? up('level') : down('level')
      assert.ok(series.surprises[place]! > 2, `${series.surprises[place]}`)
      assert.ok(series.surprises[place]! > series.surprises[direction === 1 ? up('jump') : down('jump')]!)
    }
  })

  it('knows the hour of the week after a week', () => {
    const series = new MetricSeries()
    const random = testRandom(7)
    const usual = (hour: number): number => 100 + 80 * Math.sin((2 * Math.PI * hour) / 24)
    let hour = 0
    for (; hour < 168; hour++) series.lookThenLearn(usual(hour) + random(), hour * 3_600)
    assert.ok(!(series.expected[METRIC_CHANNELS.indexOf('rhythm')]! > 0), 'not within the first')
    for (; hour < 24 * 40; hour++) series.lookThenLearn(usual(hour) + random(), hour * 3_600)
    // The value of the highest hour, at the lowest.
    const lowest = hour + 18
    for (; hour < lowest; hour++) series.lookThenLearn(usual(hour) + random(), hour * 3_600)
    series.lookThenLearn(180, hour * 3_600)
    assert.ok(Math.abs(series.expected[METRIC_CHANNELS.indexOf('rhythm')]! - 20) < 3)
    assert.ok(series.surprises[up('rhythm')]! > 2)
  })

  it('tells an incident once: a lower score after a higher one is no news until it is over', () => {
    const series = calm(100)
    assert.ok(series.isNews(0.7))
    assert.ok(!series.isNews(0.7) && !series.isNews(0.5))
    assert.ok(series.isNews(0.8))
    for (let i = 0; i < 110; i++) looked(series, 40)
    assert.ok(!series.isNews(0.7), 'not yet over')
    looked(series, 40)
    assert.ok(series.isNews(0.7))
  })

  it('is the same after its bytes', () => {
    const series = calm(500)
    const writer = new StateWriter()
    writer.start(MetricSeries.bytes)
    series.exchange(writer)
    const again = new MetricSeries()
    again.exchange(new StateReader(writer.finish()))
    assert.equal(again.count, 500)
    assert.deepEqual(looked(again, 47).surprises, looked(series, 47).surprises)
    assert.equal(again.strongest, series.strongest)
  })
})

describe('the explanation of a value', () => {
  const SENTENCES: Readonly<Record<MetricChannel, string>> = {
    jump: 'value 93.2, just before about 41',
    level: 'value 93.2, of late about 41',
    ratio_jump: 'value 93.2, just before about 41',
    ratio_level: 'value 93.2, of late about 41',
    rhythm: 'value 93.2, at this hour of the week usually about 41',
  }
  for (const name of METRIC_CHANNELS)
    for (const place of [up(name), down(name)])
      it(`by ${name} ${place === up(name) ? 'upwards' : 'downwards'} says what was compared with what`, () => {
        const series = new MetricSeries()
        series.surprises.fill(1)
        series.surprises[place] = 4.217
        series.expected[METRIC_CHANNELS.indexOf(name)] = 41.004
        const why = SENTENCES[name].replace('93.2', '93')
        assert.deepEqual(JSON.parse(explainMetric({ latencyMs: 93.2, message: 'cpu of node 17' }, series)), {
          ...{ top: name, observed: 93.2, expected: 41, surprise: 4.22, template: 'cpu of node *', why },
        })
      })

  it('is at most 1 KiB, whatever the message', () => {
    const json = explainMetric({ latencyMs: 1e300, message: '\u{1f4a5}"\\'.repeat(5_000) }, calm(3))
    assert.ok(Buffer.byteLength(json) <= 1024, `${Buffer.byteLength(json)}`)
  })
})

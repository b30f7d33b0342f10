/** What is usual at this hour of the week. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Slab } from '../../../src/anomaly/slab.ts'
import { WeeklyRhythm } from '../../../src/anomaly/weekly-rhythm.ts'

const HOUR = 3_600
const WEEK = 168 * HOUR
/** Some Monday. */
const START = 2_900 * WEEK + 5 * HOUR

/** So many weeks of values, one an hour: by the hour of the week. */
function lived(weeks: number, value: (hour: number, week: number) => number, from = START): WeeklyRhythm {
  const rhythm = new WeeklyRhythm()
  for (let hour = 0; hour < weeks * 168; hour++)
    rhythm.learn(from + hour * HOUR, value(hour % 168, Math.floor(hour / 168)))
  return rhythm
}

test('nothing is usual before a week is over, then each hour has a value of its own', () => {
  const rhythm = lived(1, (hour) => hour)
  assert.ok(Number.isNaN(rhythm.usual(START + WEEK - 1)))
  for (const hour of [0, 1, 100, 167]) assert.equal(rhythm.usual(START + WEEK + hour * HOUR), hour)
  assert.equal(rhythm.usual(START + WEEK + 2 * HOUR - 1), 1, 'to the end of the hour')
  assert.equal(rhythm.usual(START + 5 * WEEK + 3 * HOUR), 3, 'weeks later too')
})

test('an hour that was never seen has no usual value', () => {
  const rhythm = new WeeklyRhythm()
  rhythm.learn(START, 7)
  rhythm.learn(START + WEEK, 9)
  assert.equal(rhythm.usual(START + WEEK), 8)
  assert.ok(Number.isNaN(rhythm.usual(START + WEEK + HOUR)))
})

test('the mean of up to twelve values, then a slow average that follows the last ones', () => {
  const rhythm = new WeeklyRhythm()
  for (let week = 0; week < 12; week++) rhythm.learn(START + week * WEEK, week)
  const at = START + 12 * WEEK
  assert.ok(Math.abs(rhythm.usual(at) - 5.5) < 1e-6, `${rhythm.usual(at)}`)
  rhythm.learn(at, 17.5)
  assert.ok(Math.abs(rhythm.usual(at) - 6.5) < 1e-6, 'a twelfth of the way')
  for (let week = 13; week < 80; week++) rhythm.learn(START + week * WEEK, 100)
  assert.ok(rhythm.usual(at) > 99, `${rhythm.usual(at)}`)
})

test('a value dated before the first moves the beginning back', () => {
  const rhythm = new WeeklyRhythm()
  rhythm.learn(START, 1)
  assert.ok(Number.isNaN(rhythm.usual(START + WEEK - HOUR)))
  rhythm.learn(START - HOUR, 2)
  assert.equal(rhythm.usual(START + WEEK - HOUR), 2)
})

test('its memory is the slab it was given: a copy goes on as the original', () => {
  const [slab, other] = [new Slab(), new Slab()]
  const [rhythm, copy] = [new WeeklyRhythm(slab), new WeeklyRhythm(other)]
  const learn = (into: WeeklyRhythm, hour: number): void => into.learn(START + hour * HOUR, (hour * 7) % 50)
  for (let hour = 0; hour < 200; hour++) learn(rhythm, hour)
  other.bytes.set(slab.bytes)
  for (let hour = 200; hour < 500; hour++) {
    for (const each of [rhythm, copy]) learn(each, hour)
    assert.equal(copy.usual(START + hour * HOUR), rhythm.usual(START + hour * HOUR))
  }
  assert.ok(rhythm.usual(START + 500 * HOUR) > 0)
})

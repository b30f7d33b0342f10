import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MEASURES } from '../../../src/bench/report.ts'
import { SWEEPS } from '../../../src/bench/sweeps.ts'
import { chosen } from '../../../src/commands/bench-measure.ts'

test('by default everything is measured, with the sweeps where the page is written', () => {
  assert.deepEqual(chosen({}), { measures: MEASURES, sweeps: [] })
  assert.deepEqual(chosen({ write: true }), { measures: MEASURES, sweeps: SWEEPS })
})

test('what is named is measured, and nothing else', () => {
  assert.deepEqual(chosen({ sweep: ['codec', 'size'] }), { measures: [], sweeps: ['codec', 'size'] })
  assert.deepEqual(chosen({ sweep: true }), { measures: [], sweeps: SWEEPS })
  assert.deepEqual(chosen({ only: ['drain'], write: true }), { measures: ['drain'], sweeps: [] })
  assert.deepEqual(chosen({ only: ['age'], sweep: ['table'] }), { measures: ['age'], sweeps: ['table'] })
})

test('a measure or a sweep that does not exist is refused with those that do', () => {
  assert.throws(() => chosen({ sweep: ['colour'] }), { code: 'INPUT', message: /--sweep colour.*partitions/ })
  assert.throws(() => chosen({ only: ['colour'] }), { code: 'INPUT', message: /--only colour.*drain/ })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkIncidents } from '../../../src/demo/incident-check.ts'
import type { Incident } from '../../../src/demo/incidents.ts'

const MINUTE = 60_000
const run = { firstMs: 0, lastMs: 100 * MINUTE }
const incident = (service: string, fromMinute: number): Incident => ({
  id: fromMinute,
  kind: 'error_burst',
  service,
  fromMs: fromMinute * MINUTE,
  toMs: (fromMinute + 4) * MINUTE,
  severity: 1,
})

describe('incident check', () => {
  test('an anomaly of the same service during the incident or a minute later finds it', () => {
    const check = (service: string, minute: number): boolean | undefined =>
      checkIncidents([incident('a', 50)], new Map([[service, [minute * MINUTE]]]), run).incidents[0]?.found
    assert.equal(check('a', 50), true)
    assert.equal(check('a', 54.9), true)
    assert.equal(check('a', 55), false)
    assert.equal(check('a', 49.9), false)
    assert.equal(check('b', 51), false)
  })

  test('an anomaly every minute all the time finds everything, and would by chance', () => {
    const everywhere = new Map([['a', Array.from({ length: 100 }, (_, minute) => minute * MINUTE)]])
    const { foundByChance, anomaliesInside, incidents } = checkIncidents([incident('a', 50)], everywhere, run)
    assert.equal(incidents[0]?.found, true)
    assert.equal(anomaliesInside, 5)
    assert.ok(foundByChance > 0.95, String(foundByChance))
  })

  test('one stray anomaly is worth the share of windows that hold it', () => {
    const { foundByChance, incidents } = checkIncidents([incident('a', 50)], new Map([['a', [20 * MINUTE]]]), run)
    assert.equal(incidents[0]?.found, false)
    assert.ok(Math.abs(foundByChance - 5 / 95) < 1e-9, String(foundByChance))
  })

  test('what falls into another incident of the service is no chance', () => {
    const { foundByChance } = checkIncidents(
      [incident('a', 20), incident('a', 50)],
      new Map([['a', [21 * MINUTE]]]),
      run,
    )
    assert.equal(foundByChance, 0)
  })
})

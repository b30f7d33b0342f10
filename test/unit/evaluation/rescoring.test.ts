import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RescoringTally } from '../../../src/evaluation/rescoring.ts'
import { eventAt } from '../../support/log-stream.ts'

const DAY_MS = 86_400_000
const usual = { score: 0.1, isAnomaly: false }
const flagged = (score: number) => ({ score, isAnomaly: true })

describe('two verdicts on the same logs', () => {
  it('are counted by side, by service and by day', () => {
    const tally = new RescoringTally()
    tally.add(eventAt(0), { before: usual, after: flagged(0.7) }, 1)
    tally.add(eventAt(DAY_MS), { before: flagged(0.9), after: flagged(0.8) }, 1)
    tally.add(eventAt(2 * DAY_MS, { service: 'search' }), { before: flagged(0.7), after: usual }, 0)
    tally.add(eventAt(DAY_MS), { before: usual, after: usual }, -1)
    const found = tally.result()
    assert.deepEqual([found.logs, found.days, found.newly_flagged, found.no_longer_flagged], [4, 2, 1, 1])
    assert.deepEqual([found.before.flagged, found.before.rate, found.before.per_day], [2, 0.5, 1])
    assert.deepEqual(found.before.labelled, { flagged: 2, precision: 0.5, recall: 0.5, f1: 0.5 })
    assert.deepEqual(found.after.labelled, { flagged: 2, precision: 1, recall: 1, f1: 1 })
    assert.deepEqual(found.services[1], {
      service: 'search',
      logs: 1,
      before: 1,
      after: 0,
      newly_flagged: 0,
      no_longer_flagged: 1,
    })
  })

  it('keep the ten strongest examples, the earlier of equal ones, with the sentence of the side that flags', () => {
    const tally = new RescoringTally()
    for (let offset = 0; offset < 100; offset++) {
      const after = { ...flagged(0.7 + (offset % 20) / 100), explanation: `{"why":"log ${offset}"}` }
      tally.add(eventAt(offset, { offset }), { before: usual, after }, null)
    }
    const { examples, newly_flagged, after } = tally.result()
    assert.equal(newly_flagged, 100)
    assert.equal(after.labelled, null)
    assert.deepEqual(
      examples.newly_flagged.map(({ offset }) => offset),
      [19, 39, 59, 79, 99, 18, 38, 58, 78, 98],
    )
    assert.equal(examples.newly_flagged[0]?.why, 'log 19')
  })

  it('are nothing where there are no logs', () => {
    const found = new RescoringTally().result()
    assert.deepEqual([found.logs, found.days, found.before.rate], [0, 0, 0])
    assert.ok(Number.isNaN(found.before.per_day))
  })
})

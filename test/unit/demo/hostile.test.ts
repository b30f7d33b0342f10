import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HostileOutcome, hostileMessages } from '../../../src/demo/hostile.ts'
import { REJECT_REASONS, SKIP_REASONS } from '../../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { rangeOf, rawRecord } from '../../support/raw-records.ts'

const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => Date.UTC(2026, 0, 6))

function outcomeOf(value: Buffer | null): HostileOutcome {
  const { events, rejects, skips } = normalize(rangeOf([rawRecord(value)]))
  const [skip] = SKIP_REASONS.filter((reason) => skips[reason] === 1)
  if (skip !== undefined) return { kind: 'skip', reason: skip }
  const reasons = rejects.map(({ reason }) => reason)
  if (events.length > 0 && reasons.length > 0) return { kind: 'mixed', rows: events.length, dead: reasons }
  const [reason] = reasons
  return reason === undefined ? { kind: 'rows', count: events.length } : { kind: 'dead', reason }
}

for (const { name, value, expected } of hostileMessages()) {
  test(`${name}: ${expected.kind}`, () => {
    assert.deepEqual(outcomeOf(value), expected)
  })
}

test('every reason that a message alone can give is among them', () => {
  const found = new Set<string>()
  for (const { expected } of hostileMessages()) {
    if (expected.kind === 'mixed') for (const reason of expected.dead) found.add(reason)
    else if (expected.kind !== 'rows') found.add(expected.reason)
  }
  assert.deepEqual(
    [...found].sort(),
    [...REJECT_REASONS.filter((reason) => reason !== 'refused_by_database'), ...SKIP_REASONS].sort(),
  )
})

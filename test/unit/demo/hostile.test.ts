import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type HostileMessage, type HostileOutcome, hostileMessages } from '../../../src/demo/hostile.ts'
import { epochMs, REJECT_REASONS, SKIP_REASONS } from '../../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../../src/normalize/limits.ts'
import { createNormalizer } from '../../../src/normalize/normalize-range.ts'
import { rangeOf, rawRecord } from '../../support/raw-records.ts'

const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, () => Date.UTC(2026, 0, 6))

/** Headers are written here as their own bytes alone: only how many there are matters before the store. */
function outcomeOf({ value, headers, timestamp }: HostileMessage): HostileOutcome {
  const section = headers === undefined ? null : Buffer.concat(headers.map(([, content]) => content ?? Buffer.alloc(0)))
  const time = timestamp === undefined ? {} : { timestamp: epochMs(timestamp) }
  const { events, rejects, skips } = normalize(rangeOf([rawRecord(value, { headers: section, ...time })]))
  const [skip] = SKIP_REASONS.filter((reason) => skips[reason] === 1)
  if (skip !== undefined) return { kind: 'skip', reason: skip }
  const reasons = rejects.map(({ reason }) => reason)
  if (events.length > 0 && reasons.length > 0) return { kind: 'mixed', rows: events.length, dead: reasons }
  const [reason] = reasons
  return reason === undefined ? { kind: 'rows', count: events.length } : { kind: 'dead', reason }
}

for (const message of hostileMessages()) {
  test(`${message.name}: ${message.expected.kind}`, () => {
    assert.deepEqual(outcomeOf(message), message.expected)
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

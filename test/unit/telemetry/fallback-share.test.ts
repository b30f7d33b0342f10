import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FallbackShare } from '../../../src/telemetry/fallback-share.ts'

test('the share of the last minute, nothing before the first log, 0 once all is old', () => {
  let ms = 12_345
  const share = new FallbackShare(() => ms)
  assert.equal(share.value, null)
  share.add(100, 100)
  assert.equal(share.value, 1)
  ms += 30_000
  share.add(300, 0)
  assert.equal(share.value, 0.25)
  ms += 31_000
  assert.equal(share.value, 0, 'the first hundred are older than a minute')
  ms += 3_600_000
  assert.equal(share.value, 0)
  share.add(10, 5)
  assert.equal(share.value, 0.5)
})

/** The clock that says which record is dated in the future, on a real PostgreSQL. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { epochMs } from '../../src/log.ts'
import { DEFAULT_NORMALIZE_LIMITS } from '../../src/normalize/limits.ts'
import { createNormalizer } from '../../src/normalize/normalize-range.ts'
import { latestClock } from '../../src/postgres/database-clock.ts'
import { migratedDatabase, withServer } from '../support/postgres.ts'
import { logJson, rangeOf, rawRecord } from '../support/raw-records.ts'

const DAY_MS = 86_400_000
const server = withServer()

describe('the latest clock', { timeout: 600_000 }, () => {
  for (const behindMs of [DAY_MS, 0, -2 * DAY_MS]) {
    test(`of a machine ${behindMs / DAY_MS} days behind [F22]`, async () => {
      const { options: database } = await migratedDatabase(server())
      const wall = (): number => Date.now() - behindMs
      const now = await latestClock(database, { now: wall, clock: () => performance.now() })
      const normalize = createNormalizer(DEFAULT_NORMALIZE_LIMITS, now)
      const timestamp = epochMs(Date.now())
      const record = rawRecord(logJson({ timestamp: undefined }), { timestamp })
      const [event] = normalize(rangeOf([record])).events
      assert.deepEqual([event?.createdAt, event?.recordTimestamp, event?.metadata], [timestamp, timestamp, null])
      assert.ok(now() - Math.max(wall(), timestamp) < 60_000, 'and no later than the later of both clocks')
    })
  }
})

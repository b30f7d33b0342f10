import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SNAPSHOT_FORMAT } from '../../../src/anomaly/state-bytes.ts'
import type { Claim } from '../../../src/ledger.ts'
import type { LogEvent, ScoredLog } from '../../../src/log.ts'
import type { PartitionRange, Snapshot } from '../../../src/pipeline.ts'
import { ModelScorer } from '../../../src/scoring/model-scorer.ts'
import { eventAt, logStream } from '../../support/log-stream.ts'
import { readyRange } from '../../support/ready-ranges.ts'

function claim(snapshot: Snapshot | null, partition = 0): Claim {
  return {
    partition,
    epoch: 1,
    baseOffset: 0,
    nextOffset: 0,
    tail: null,
    startLeaderEpoch: -1,
    snapshot,
    trafficShare: 1,
  }
}

/** The range of partition 0 that ends here. */
function upTo(to: number, purpose: PartitionRange['purpose'] = 'store'): PartitionRange {
  return readyRange({ from: 0, count: to }, { range: { purpose } }).range
}

async function scoreInBatches(scorer: ModelScorer, events: readonly LogEvent[], size: number): Promise<ScoredLog[]> {
  const logs: ScoredLog[] = []
  for (let at = 0; at < events.length; at += size) logs.push(...scorer.judge(events.slice(at, at + size)))
  return logs
}

describe('model scorer', () => {
  it('gives a detector that begins a little later the same part of a budget', async () => {
    const events = logStream({ seed: 5, logs: 40_000 })
    const flagged = async (trafficShare: number): Promise<number[]> => {
      const scorer = new ModelScorer({ servicesMax: 100, budget: { perDay: 2000, perServiceDay: null } })
      scorer.restore({ ...claim(null), trafficShare })
      const logs = scorer.judge(events)
      return logs.filter(({ isAnomaly }) => isAnomaly).map(({ event }) => event.offset)
    }
    const whole = await flagged(0.25)
    assert.ok(whole.length > 20)
    assert.deepEqual(await flagged(0.253), whole)
    assert.ok((await flagged(0.5)).length > whole.length * 1.4)
  })

  it('gives one judgement a log, in order, whatever the batches', async () => {
    const events = logStream({ seed: 4, logs: 6000, partitions: 3 })
    const whole = await scoreInBatches(new ModelScorer({ servicesMax: 100 }), events, 6000)
    const pieces = await scoreInBatches(new ModelScorer({ servicesMax: 100 }), events, 7)
    assert.deepEqual(pieces, whole)
    assert.deepEqual(
      whole.map((log) => log.event),
      events,
    )
  })

  it('judges a partition by its own records alone', async () => {
    const events = logStream({ seed: 4, logs: 6000, partitions: 3 })
    const own = events.filter((event) => event.partition === 1)
    const among = new ModelScorer({ servicesMax: 100 }).judge(events).filter((log) => log.event.partition === 1)
    assert.deepEqual(new ModelScorer({ servicesMax: 100 }).judge(own), among)
  })

  it('lets the rules judge a young service, then the model', async () => {
    const logs = new ModelScorer({ servicesMax: 100 }).judge(logStream({ seed: 4, logs: 3000 }))
    assert.equal(logs[0]?.source, 'rules')
    assert.equal(logs.at(-1)?.source, 'model')
  })

  it('gives a snapshot after 30 s of event time with some records, or after many records', async () => {
    const scorer = new ModelScorer({ servicesMax: 100, snapshotRecordsMin: 20, snapshotRecords: 100 })
    const events = logStream({ seed: 4, logs: 400 })
    assert.equal(scorer.snapshot(upTo(0), 0), null, 'no state yet')
    scorer.judge(events.slice(0, 100))
    assert.equal(scorer.snapshot(upTo(0), 0), null, 'no record since')
    assert.equal(scorer.snapshot(upTo(100), 0)?.atOffset, 100)
    scorer.judge(events.slice(100, 110))
    assert.equal(scorer.snapshot(upTo(110), 0), null, '5 s and 10 records later')
    assert.equal(scorer.snapshot(upTo(130), 0), null, '5 s and 30 records later')
    scorer.judge(events.slice(110, 180))
    assert.equal(scorer.snapshot(upTo(115), 0), null, '35 s and 15 records later')
    assert.equal(scorer.snapshot(upTo(180), 0)?.atOffset, 180, '35 s and 80 records later')
    scorer.judge([])
    assert.equal(scorer.snapshot(upTo(279), 0), null)
    assert.equal(scorer.snapshot(upTo(280), 0)?.atOffset, 280, '100 records later')
  })

  it('gives none while it reads again what is stored, as it would be lost, and then the first that is due', async () => {
    const scorer = new ModelScorer({ servicesMax: 100, snapshotRecordsMin: 20, snapshotRecords: 100 })
    const events = logStream({ seed: 4, logs: 400 })
    for (const from of [0, 100, 200]) {
      scorer.judge(events.slice(from, from + 100))
      assert.equal(scorer.snapshot(upTo(from + 100, 'warm-up'), 0), null)
    }
    scorer.judge(events.slice(300, 310))
    assert.equal(scorer.snapshot(upTo(310), 0)?.atOffset, 310)
  })

  it('gives one a batch, and each partition its turn, whatever the batches of other lanes ask for', async () => {
    const scorer = new ModelScorer({ servicesMax: 100, snapshotRecordsMin: 1, snapshotRecords: 1 })
    const lanes = [
      [0, 1],
      [2, 3],
    ]
    const taken: number[] = []
    for (let batch = 0, to = 0; batch < 6; batch++) {
      const lane = batch % 2
      to += 100
      for (const partition of lanes[lane] ?? [])
        scorer.judge(logStream({ seed: partition, logs: 100 }).map((event) => ({ ...event, partition })))
      const ranges = (lanes[lane] ?? []).map((partition) => readyRange({ partition, from: 0, count: to }).range)
      taken.push(...ranges.filter((range) => scorer.snapshot(range, lane) !== null).map(({ partition }) => partition))
    }
    // The first batch of each lane tells where the partitions begin.
    assert.deepEqual(taken, [0, 2, 1, 3])
  })

  it('takes a large snapshot some batches later, when there is memory for it, and the next one at once', async () => {
    const scorer = new ModelScorer({ servicesMax: 2000, snapshotRecordsMin: 1, snapshotRecords: 1 })
    const services = Array.from({ length: 1500 }, (_, i) => eventAt(i, { service: `service-${i}` }))
    const waited: number[] = []
    let offset = 0
    for (let snapshot = 0; snapshot < 4; snapshot++) {
      for (let batches = 1; ; batches++) {
        scorer.judge(services)
        offset += services.length
        const taken = scorer.snapshot(upTo(offset), 0)
        if (taken === null) continue
        assert.equal(taken.atOffset, offset)
        waited.push(batches)
        break
      }
    }
    const [first = 0, second = 0, ...later] = waited
    for (const batches of [first, second]) assert.ok(batches > 2 && batches < 12, `${batches} batches`)
    assert.deepEqual(later, [1, 1], 'two memories, in turns')
  })

  it('goes on from the snapshot of a claim as if nothing had happened', async () => {
    const events = logStream({ seed: 5, logs: 5000 })
    const first = new ModelScorer({ servicesMax: 100, snapshotRecordsMin: 0 })
    first.judge(events.slice(0, 3000))
    const snapshot = first.snapshot(upTo(3000), 0)
    const second = new ModelScorer({ servicesMax: 100 })
    assert.equal(second.restore(claim(snapshot)), 3000)
    assert.deepEqual(second.judge(events.slice(3000)), first.judge(events.slice(3000)))
  })

  it('begins anew without a snapshot, or with one that cannot be used', async () => {
    const refused: string[] = []
    const scorer = new ModelScorer({ servicesMax: 100, refused: ({ reason }) => refused.push(reason) })
    scorer.judge(logStream({ seed: 5, logs: 1000 }))
    assert.equal(
      scorer.restore({ ...claim(null), baseOffset: 7, nextOffset: 5000 }),
      7,
      'from where the pipeline began',
    )
    assert.equal(scorer.restore({ ...claim(null), nextOffset: 1_000_000 }), 600_000, 'but not for ever')
    assert.deepEqual(scorer.stats(), [])
    assert.deepEqual(refused, [])
    const broken = { partition: 0, atOffset: 9, format: SNAPSHOT_FORMAT, state: new Uint8Array(40) }
    assert.equal(scorer.restore({ ...claim(broken), nextOffset: 20 }), 0)
    assert.equal(scorer.restore({ ...claim({ ...broken, format: 99 }), nextOffset: 20 }), 0)
    assert.deepEqual(refused, ['not a snapshot', `format 99, not ${SNAPSHOT_FORMAT}`])
    const [log] = scorer.judge(logStream({ seed: 5, logs: 1 }))
    assert.equal(log?.source, 'rules')
  })

  it('counts what it knows, a partition at a time, until that is dropped', async () => {
    const scorer = new ModelScorer({ servicesMax: 100 })
    scorer.judge(logStream({ seed: 6, logs: 2000, partitions: 2 }))
    assert.deepEqual(scorer.stats()[1], {
      partition: 1,
      services: 3,
      warmServices: 3,
      templates: 12,
      overflowLogs: 0,
      forgottenTemplates: 0,
      learned: 1000,
    })
    scorer.drop(1)
    assert.deepEqual(
      scorer.stats().map((each) => each.partition),
      [0],
    )
    assert.equal(scorer.learned, 2000)
  })

  it('falls back to the rules for a log that the detector fails on, and says so once a batch', async () => {
    const told: { partition: number; logs: number }[] = []
    const scorer = new ModelScorer({
      servicesMax: 100,
      failed: ({ partition, logs }) => told.push({ partition, logs }),
    })
    const events = logStream({ seed: 7, logs: 1000 })
    const broken = { ...events[500], get message(): string { throw new Error('unreadable') } } as LogEvent // biome-ignore format: one line
    const logs = scorer.judge([...events.slice(0, 500), broken, broken, ...events.slice(501)])
    assert.equal(logs[500]?.source, 'rules')
    assert.equal(logs.at(-1)?.source, 'model')
    assert.equal(scorer.failures, 2)
    assert.deepEqual(told, [{ partition: 0, logs: 2 }])
  })

  it('judges the values of metrics where the profile says so, from the first on, and keeps the profiles apart', async () => {
    const metrics = new ModelScorer({ servicesMax: 100, profile: 'metrics', snapshotRecordsMin: 0 })
    const events = logStream({ seed: 8, logs: 2000 }).map((event, i) => ({ ...event, message: '', latencyMs: 5000 + (i % 10) })) // biome-ignore format: one line
    const logs = metrics.judge(events)
    assert.ok(
      logs.every(({ source, isAnomaly }) => source === 'model' && !isAnomaly),
      'a high value is no anomaly by itself',
    )
    const snapshot = metrics.snapshot(upTo(2000), 0)
    const refused: string[] = []
    const other = new ModelScorer({ servicesMax: 100, refused: ({ reason }) => refused.push(reason) })
    other.restore(claim(snapshot))
    assert.equal(refused.length, 1, 'a detector of logs refuses it')
    const again = new ModelScorer({ servicesMax: 100, profile: 'metrics' })
    assert.equal(again.restore(claim(snapshot)), 2000)
    const low = { ...events[0], latencyMs: 1 } as LogEvent
    assert.deepEqual(again.judge([low]), metrics.judge([low]))
    again.restore(claim(snapshot))
    assert.equal(again.judge([{ ...low, latencyMs: 90_000 }])[0]?.isAnomaly, true)
  })
})

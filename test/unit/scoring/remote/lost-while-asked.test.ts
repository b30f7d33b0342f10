/** A partition that is lost while the engine is waited for: its batch may still be stored, and has to be what it would have been. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { LogEvent } from '../../../../src/log.ts'
import { type PartitionRange, type RawBatch, type ReadyRange, run } from '../../../../src/pipeline.ts'
import { ModelScorer } from '../../../../src/scoring/model-scorer.ts'
import { MutingScorer } from '../../../../src/scoring/muting-scorer.ts'
import { CircuitBreaker } from '../../../../src/scoring/remote/circuit-breaker.ts'
import { Patience } from '../../../../src/scoring/remote/patience.ts'
import type { Asking, Outcome, RemoteEngine } from '../../../../src/scoring/remote/remote-engine.ts'
import { RemoteScorer } from '../../../../src/scoring/remote/remote-scorer.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { eventAt } from '../../../support/log-stream.ts'
import { readyRange } from '../../../support/ready-ranges.ts'

const HOUR_S = 3600
const LATE: Outcome = { kind: 'late', reason: 'no answer in time' }
const PARTITIONS = [0, 1]

/** An hour of two services, a log of each a second, and two minutes of one of them: the other one fell silent. */
function story(partition: number): LogEvent[][] {
  const log = (service: string) => (_: unknown, second: number) => eventAt(second * 1000, { partition, service })
  const steady = Array.from({ length: HOUR_S + 120 }, log('steady'))
  const silent = Array.from({ length: HOUR_S }, log('silent'))
  const first = steady.slice(0, HOUR_S).flatMap((event, i) => [event, silent[i] ?? event])
  return [first, steady.slice(HOUR_S)]
}

/**
 * The line of the service with an engine that answers nothing until its deadline, which only the first batch does not wait for;
 * `whileAsked` happens in the wait for the second one.
 */
async function storedBy(whileAsked: (model: ModelScorer) => void): Promise<ReadyRange[]> {
  const clock = new FakeClock()
  const { time } = clock
  const stories = PARTITIONS.map(story)
  const model = new ModelScorer({ servicesMax: 10, snapshotRecordsMin: 1, snapshotRecords: 1 })
  let asked = 0
  const ask = (events: readonly LogEvent[]): Asking => {
    if (++asked === 2) void time.sleep(50, new AbortController().signal).then(() => whileAsked(model))
    const over = Promise.withResolvers<Outcome>()
    const first: Outcome = { kind: 'answered', reason: '' }
    if (asked === 1) over.resolve(first)
    return {
      verdicts: events.map(() => null),
      ended: over.promise,
      leave: () => undefined,
      stop: () => over.resolve(LATE),
    }
  }
  const scorer = new RemoteScorer({
    model,
    engine: { ask, forget: () => undefined } as unknown as RemoteEngine,
    breaker: new CircuitBreaker({ ...time, moved: () => undefined }),
    patience: new Patience(time),
    line: { behind: () => false, storing: () => null },
    deadlineMs: 100,
    fallback: 'model',
    ...time,
    asked: () => undefined,
    judged: () => undefined,
  })
  const batches = [0, 1].map((at): RawBatch => {
    const ranges = PARTITIONS.map((partition): PartitionRange => {
      const count = stories[partition]?.[at]?.length ?? 0
      return readyRange({ partition, from: at * 2 * HOUR_S, count }).range
    })
    return { lane: 0, ranges, bytes: 0 }
  })
  const stored: ReadyRange[] = []
  const ended = run(
    {
      source: {
        async *batches() {
          yield* batches
        },
        settled: () => undefined,
      },
      normalize: ({ partition, from }) => ({
        events: stories[partition]?.[from === 0 ? 0 : 1] ?? [],
        rejects: [],
        skips: {},
      }),
      scorer: new MutingScorer(scorer),
      store: {
        commit: async ({ ranges }) => {
          stored.push(...ranges)
          return ranges.map(({ range }) => ({ kind: 'duplicate', range }))
        },
      },
      finished: () => undefined,
      clock: time.clock,
    },
    new AbortController().signal,
  )
  await clock.until('both batches are stored', () => stored.length === 2 * PARTITIONS.length)
  await ended
  assert.equal(asked, 2)
  return stored
}

/** Short, so that what differs can be told. */
function brief({ range: { partition, to }, logs, alerts, snapshot }: ReadyRange) {
  const judged = logs.map(({ score, isAnomaly, source, explanation }) => [score, isAnomaly, source, explanation])
  return {
    ...{ partition, to, alerts, logs: logs.length, judged: digest(JSON.stringify(judged)) },
    snapshot: snapshot === null ? null : `${snapshot.atOffset} ${digest(snapshot.state)}`,
  }
}

const digest = (of: string | Uint8Array): string => createHash('sha256').update(of).digest('hex')

test('[P4] a batch is the same, alerts and snapshot included, whether its partition is lost while the engine is asked or not', async () => {
  const kept = await storedBy(() => undefined)
  const lost = await storedBy((model) => {
    for (const partition of PARTITIONS) model.drop(partition)
  })
  const opened = kept.flatMap(({ alerts }) => alerts.map(({ partition, service, kind }) => [partition, service, kind]))
  assert.deepEqual(opened, [
    [0, 'silent', 'silence'],
    [1, 'silent', 'silence'],
  ])
  assert.deepEqual(
    kept.map(({ snapshot }) => snapshot?.atOffset),
    [undefined, undefined, 2 * HOUR_S + 120, undefined],
    'one a batch, once it is known where the partition began',
  )
  assert.ok(kept.at(-1)?.logs.every(({ source }) => source === 'model'))
  assert.deepEqual(lost.map(brief), kept.map(brief))
})

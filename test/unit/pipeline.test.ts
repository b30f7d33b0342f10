import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommitOutcome, type Parts, type RawBatch, type ReadyBatch, run } from '../../src/pipeline.ts'
import { readyRange, scored } from '../support/ready-ranges.ts'

interface Commit {
  readonly batch: ReadyBatch
  readonly done: (error?: Error) => void
}

/** A line whose source yields these batches, and whose store answers when told. */
function line(batches: readonly RawBatch[]) {
  const commits: Commit[] = []
  const settled: string[] = []
  const parts: Parts = {
    source: {
      async *batches() {
        yield* batches
      },
      settled: (batch, outcomes) =>
        void settled.push(...placesOf([batch]).map((each) => (outcomes === null ? `${each} never` : each))),
    },
    normalize: () => ({ events: [], rejects: [], skips: {} }),
    scorer: { score: async (ranges) => ranges.map(() => scored([])) },
    store: {
      commit: (batch) =>
        new Promise((resolve, reject) => {
          const outcomes = batch.ranges.map(({ range }): CommitOutcome => ({ kind: 'duplicate', range }))
          commits.push({ batch, done: (error) => (error === undefined ? resolve(outcomes) : reject(error)) })
        }),
    },
    finished: () => undefined,
    clock: () => 0,
  }
  const ended = run(parts, new AbortController().signal)
  ended.catch(() => undefined)
  return { commits, settled, ended }
}

function batchOf(lane: number, from: number): RawBatch {
  const { range } = readyRange({ partition: lane, from, count: 10 })
  return { lane, ranges: [range], bytes: 0 }
}

async function calm(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

const placesOf = (batches: readonly (RawBatch | ReadyBatch)[]): string[] =>
  batches.map(({ lane, ranges: [first] }) => {
    const range = first !== undefined && 'range' in first ? first.range : first
    return `${lane}:${range?.from}`
  })

test('batches of two lanes are stored at once, those of one lane one after the other, whatever the other lane does', async () => {
  const { commits, settled, ended } = line([batchOf(0, 0), batchOf(1, 0), batchOf(0, 10), batchOf(1, 10)])
  await calm()
  const begun = (): string[] => placesOf(commits.map(({ batch }) => batch))
  assert.deepEqual(begun(), ['0:0', '1:0'])
  commits[1]?.done()
  await calm()
  assert.deepEqual(begun(), ['0:0', '1:0', '1:10'])
  commits[2]?.done()
  await calm()
  assert.deepEqual(settled, ['1:0', '1:10'], 'lane 0 hangs')
  commits[0]?.done()
  await calm()
  assert.deepEqual(begun(), ['0:0', '1:0', '1:10', '0:10'])
  commits[3]?.done()
  await ended
  assert.deepEqual(settled, ['1:0', '1:10', '0:0', '0:10'])
})

test('after a batch that can never be stored nothing of its lane is; what other lanes have in hand is, and the line ends with the error', async () => {
  const { commits, settled, ended } = line([batchOf(0, 0), batchOf(1, 0), batchOf(0, 10)])
  await calm()
  let over = false
  ended.catch(() => undefined).finally(() => (over = true))
  commits[0]?.done(new Error('no longer'))
  await calm()
  assert.deepEqual(settled, ['0:0 never', '0:10 never'])
  assert.equal(over, false, 'lane 1 is still storing')
  commits[1]?.done()
  await assert.rejects(ended, /no longer/)
  assert.equal(commits.length, 2)
  assert.deepEqual(settled, ['0:0 never', '0:10 never', '1:0'])
})

test('a lane that is free takes the batch that is ready for it before the next one keeps the thread busy', async () => {
  const happened: string[] = []
  const stored: (() => void)[] = []
  const freed = Promise.withResolvers<void>()
  const turn = (): Promise<void> => new Promise((done) => setImmediate(done))
  const parts: Parts = {
    source: {
      // As KafkaSource does: a turn of the event loop before each batch.
      async *batches() {
        await turn()
        yield batchOf(0, 0)
        await turn()
        yield batchOf(0, 10)
        await freed.promise
        await turn()
        yield batchOf(0, 20)
      },
      settled: () => freed.resolve(),
    },
    normalize: ({ from }) => {
      happened.push(`prepared ${from}`)
      return { events: [], rejects: [], skips: {} }
    },
    scorer: { score: async (ranges) => ranges.map(() => scored([])) },
    store: {
      // A store looks at its connection and its table before it encodes and sends.
      commit: async (batch) => {
        await calm()
        happened.push(`sent ${batch.ranges[0]?.range.from}`)
        await new Promise<void>((done) => stored.push(done))
        return batch.ranges.map(({ range }): CommitOutcome => ({ kind: 'duplicate', range }))
      },
    },
    finished: () => undefined,
    clock: () => 0,
  }
  const ended = run(parts, new AbortController().signal)
  const until = async (count: number): Promise<void> => {
    while (happened.length < count) await turn()
  }
  await until(3)
  assert.deepEqual(happened, ['prepared 0', 'sent 0', 'prepared 10'])
  await turn()
  // By now the line waits for the source.
  stored[0]?.()
  await until(5)
  assert.deepEqual(happened.slice(3), ['sent 10', 'prepared 20'])
  stored[1]?.()
  await until(6)
  stored[2]?.()
  await ended
})

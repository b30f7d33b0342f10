import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommitOutcome, type Parts, type RawBatch, type ReadyBatch, run } from '../../src/pipeline.ts'
import { readyRange } from '../support/ready-ranges.ts'

interface Commit {
  readonly batch: ReadyBatch
  readonly done: (error?: Error) => void
}

/** A line whose source yields these batches, and whose store answers when told. */
function line(batches: readonly RawBatch[]) {
  const yielded: RawBatch[] = []
  const commits: Commit[] = []
  const settled: RawBatch[] = []
  const parts: Parts = {
    source: {
      async *batches() {
        for (const batch of batches) {
          yielded.push(batch)
          yield batch
        }
      },
      settled: (batch) => void settled.push(batch),
    },
    normalize: () => ({ events: [], rejects: [], skips: {} }),
    scorer: { score: async () => [], snapshot: () => null, alerts: () => [] },
    store: {
      commit: (batch) =>
        new Promise((resolve, reject) => {
          const outcomes = batch.ranges.map(({ range }): CommitOutcome => ({ kind: 'duplicate', range }))
          commits.push({ batch, done: (error) => (error === undefined ? resolve(outcomes) : reject(error)) })
        }),
    },
    finished: () => undefined,
    clock: () => 0,
    turn: async () => undefined,
  }
  const ended = run(parts, new AbortController().signal)
  ended.catch(() => undefined)
  return { yielded, commits, settled, ended }
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

test('batches of two lanes are stored at once, those of one lane one after the other', async () => {
  const { commits, settled, ended } = line([batchOf(0, 0), batchOf(1, 0), batchOf(0, 10), batchOf(1, 10)])
  await calm()
  const begun = (): string[] => placesOf(commits.map(({ batch }) => batch))
  assert.deepEqual(begun(), ['0:0', '1:0'])
  commits[1]?.done()
  await calm()
  assert.deepEqual(begun(), ['0:0', '1:0'], 'lane 0 comes next, and is not free yet')
  assert.deepEqual(placesOf(settled), ['1:0'])
  commits[0]?.done()
  await calm()
  assert.deepEqual(begun(), ['0:0', '1:0', '0:10', '1:10'])
  commits[2]?.done()
  commits[3]?.done()
  await ended
  assert.deepEqual(placesOf(settled), ['1:0', '0:0', '0:10', '1:10'])
})

test('a batch is prepared while its lane is still storing the one before, and no further one is asked for', async () => {
  const { yielded, commits, ended } = line([batchOf(0, 0), batchOf(0, 10), batchOf(0, 20)])
  await calm()
  assert.deepEqual(placesOf(yielded), ['0:0', '0:10'])
  assert.equal(commits.length, 1)
  for (let at = 0; at < 3; at++) {
    commits[at]?.done()
    await calm()
  }
  await ended
})

test('the line ends when every lane has ended, and with the error of the one that failed', async () => {
  const { commits, settled, ended } = line([batchOf(0, 0), batchOf(1, 0)])
  await calm()
  let over = false
  ended.catch(() => undefined).finally(() => (over = true))
  commits[1]?.done(new Error('no longer'))
  await calm()
  assert.equal(over, false, 'lane 0 is still storing')
  commits[0]?.done()
  await assert.rejects(ended, /no longer/)
  assert.deepEqual(placesOf(settled), ['0:0'])
})

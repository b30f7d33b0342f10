import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type TopicRangeOptions, topicRange, topicRangeSizes } from '../../../src/kafka/topic-range.ts'
import type { KafkaTransport, LogTransport } from '../../../src/kafka/transport.ts'
import { epochMs } from '../../../src/log.ts'
import { FakePartition } from '../../support/fake-kafka.ts'

const START_MS = 1_764_700_000_000

/** Partitions that answer one fetch at a time, with what a test puts in the way. */
class FakeLog {
  readonly partitions: FakePartition[]
  /** Error codes of the next fetches, one each. */
  readonly errors: number[] = []
  leader = 1
  closed = 0
  readonly asked: { node: number; maxBytes: number }[] = []

  constructor(partitions: FakePartition[]) {
    this.partitions = partitions
  }

  get transport(): KafkaTransport {
    const metadata: LogTransport['metadata'] = async (topic) => ({
      clusterId: 'c',
      topicId: 't',
      partitions:
        topic === 'logs'
          ? this.partitions.map((_, partition) => ({ partition, leader: this.leader, leaderEpoch: 3 }))
          : null,
    })
    const log: LogTransport = {
      metadata,
      fetch: async ({ node, positions, maxBytes }) => ({
        errorCode: 0,
        partitions: [this.#answer(node, positions[0]!, maxBytes)],
      }),
      listOffsets: async ({ partitions }) =>
        partitions.map(({ partition, timestamp }) => ({
          partition,
          errorCode: 0,
          offset: this.#offsetAt(partition, timestamp),
          timestamp: epochMs(timestamp),
        })),
      offsetForLeaderEpoch: async ({ partition }) => ({
        errorCode: 0,
        leaderEpoch: 3,
        endOffset: this.partitions[partition]!.end,
      }),
      close: async () => void this.closed++,
    }
    return {
      openLog: async () => log,
      openGroup: async () => Promise.reject(new Error('a stretch is read without a group')),
      close: async () => undefined,
    }
  }

  #offsetAt(partition: number, timestamp: number): number {
    const { start, end } = this.partitions[partition]!
    if (timestamp === -2) return start
    return timestamp === -1 ? end : timestamp > START_MS + 1000 ? -1 : start
  }

  #answer(node: number, { partition, offset }: { partition: number; offset: number }, maxBytes: number) {
    this.asked.push({ node, maxBytes })
    const { batches, start, end } = this.partitions[partition]!
    const errorCode = this.errors.shift() ?? (offset < start || offset > end ? 1 : 0)
    const held = batches.filter((batch) => batch.last >= offset).map(({ bytes }) => bytes)
    const bytes = errorCode === 0 ? Buffer.concat(held).subarray(0, maxBytes) : Buffer.alloc(0)
    const ends = { highWatermark: end, lastStableOffset: end, logStartOffset: start, abortedTransactions: [] }
    return { partition, errorCode, ...ends, batches: bytes }
  }
}

function partitionWith(...batches: string[][]): FakePartition {
  const partition = new FakePartition()
  for (const values of batches) partition.produce(values, START_MS)
  return partition
}

async function read(log: FakeLog, options: Partial<TopicRangeOptions> = {}): Promise<string[]> {
  const usual = { transport: log.transport, topic: 'logs', offsets: null, sinceMs: null, sleep: async () => undefined }
  const found: string[] = []
  for await (const { partition, records } of topicRange({ ...usual, ...options })) {
    for (const { offset, value } of records) found.push(`${partition}/${offset} ${value?.toString()}`)
  }
  return found
}

describe('a stretch of a topic', () => {
  it('is all of it, partition by partition, each to where it ended', async () => {
    const log = new FakeLog([partitionWith(['a', 'b'], ['c']), partitionWith(['d'])])
    assert.deepEqual(await read(log), ['0/0 a', '0/1 b', '0/2 c', '1/0 d'])
    assert.equal(log.closed, 1)
  })

  it('may be offsets of some partitions, out of the middle of batches', async () => {
    const log = new FakeLog([partitionWith(['a', 'b', 'c', 'd']), partitionWith(['e'])])
    const offsets = new Map([[0, { from: 1, to: 3 }]])
    assert.deepEqual(await read(log, { offsets }), ['0/1 b', '0/2 c'])
    const all = { transport: log.transport, topic: 'logs', sinceMs: null, sleep: async () => undefined }
    assert.deepEqual(await topicRangeSizes({ ...all, offsets }), new Map([[0, 2]]))
  })

  it('is empty where no record is as young as wanted', async () => {
    const log = new FakeLog([partitionWith(['a'])])
    assert.deepEqual(await read(log, { sinceMs: START_MS + 5000 }), [])
  })

  it('steps over markers, what compaction took and what retention took', async () => {
    const partition = partitionWith(['a'])
    partition.mark()
    partition.compacted(5)
    partition.produce(['b'], START_MS)
    assert.deepEqual(await read(new FakeLog([partition])), ['0/0 a', '0/7 b'])
    partition.deleteBefore(7)
    const offsets = new Map([[0, { from: 0, to: 100 }]])
    assert.deepEqual(await read(new FakeLog([partition]), { offsets }), ['0/7 b'])
  })

  it('asks for more bytes where one batch is longer than an answer', async () => {
    const log = new FakeLog([partitionWith(['x'.repeat(5 << 20)])])
    assert.equal((await read(log)).length, 1)
    assert.deepEqual(
      log.asked.map(({ maxBytes }) => maxBytes >> 20),
      [4, 16],
    )
  })

  it('goes on with the new leader', async () => {
    const log = new FakeLog([partitionWith(['a'], ['b'])])
    const NOT_LEADER = 6
    log.errors.push(NOT_LEADER)
    const sleep = async (): Promise<void> => {
      log.leader = 2
    }
    assert.deepEqual(await read(log, { sleep }), ['0/0 a', '0/1 b'])
    assert.deepEqual(
      log.asked.map(({ node }) => node),
      [1, 2],
    )
  })

  it('gives up where nothing comes, and closes its connection', async () => {
    const log = new FakeLog([partitionWith(['a'])])
    for (let i = 0; i < 30; i++) log.errors.push(6)
    await assert.rejects(read(log), { code: 'KAFKA_STALLED' })
    assert.equal(log.closed, 1)
  })

  it('of a topic that does not exist is refused', async () => {
    await assert.rejects(read(new FakeLog([]), { topic: 'other' }), { code: 'KAFKA_TOPIC_MISSING' })
  })
})

/** The log under a name, a leader or a ledger's row is not always the one that was read before. Found by the simulation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messageOf } from '../../../src/errors.ts'
import { FakePartition } from '../../support/fake-kafka.ts'
import { SourceWorld } from '../../support/source-world.ts'

test('[P18] [F16] a topic made again between two looks at the layout is not read as the old one', async () => {
  const world = new SourceWorld(1).start()
  world.kafka.partition(0).produce(['a', 'b', 'c'])
  await world.caughtUp()
  // The new one has grown past the old position before anybody asked for the layout again.
  const again = new FakePartition()
  again.produce(Array.from({ length: 8 }, (_, i) => `new ${i}`))
  world.kafka.topicId = 'bb'
  world.kafka.partitions = [again]
  await world.clock.until('the new incarnation is stored', () => world.stored(0).length === 8)
  assert.equal(world.ledger.incarnation, 2)
  assert.deepEqual(world.stored(0), [0, 1, 2, 3, 4, 5, 6, 7])
  assert.ok(world.kafka.fetches.every(({ topicId }) => topicId !== undefined && topicId !== ''))
  await world.finish()
})

test('[P18] what is on its way of the old topic is stored as its own before the new one is pinned', async () => {
  const world = new SourceWorld(1).start()
  world.kafka.partition(0).produce(['a', 'b', 'c'])
  await world.caughtUp()
  const release = world.ledger.hold()
  world.kafka.partition(0).produce(['d'])
  await world.clock.until('handed out', () => world.ranges.length > 1)
  const again = new FakePartition()
  again.produce(['new'])
  world.kafka.topicId = 'bb'
  world.kafka.partitions = [again]
  await world.clock.advance(40_000)
  assert.equal(world.ledger.incarnation, 1)
  release()
  await world.clock.until('the new one is stored', () => world.ledger.incarnation === 2 && world.stored(0).length === 1)
  await world.finish()
})

test('[P16] [P18] what retention took of a namesake is not called lost of the topic before', async () => {
  const world = new SourceWorld(1).start()
  world.kafka.partition(0).produce(['a', 'b'])
  await world.caughtUp()
  const again = new FakePartition()
  again.produce(Array.from({ length: 8 }, (_, i) => `new ${i}`))
  again.produce(['newest'])
  again.deleteBefore(8)
  world.kafka.topicId = 'bb'
  world.kafka.partitions = [again]
  world.kafka.group.rebalancing = true
  await world.clock.until('the new one is stored', () => world.stored(0).length === 1)
  assert.deepEqual(world.heard('gapFound'), [{ partition: 0, from: 0, to: 8, reason: 'retention' }])
  await world.finish()
})

test('[P17] a log that lost its end in an unclean election and grew past us again is not read on', async () => {
  const world = new SourceWorld(1).start()
  const partition = world.kafka.partition(0)
  partition.produce(['a', 'b'])
  partition.produce(['c', 'd'])
  await world.caughtUp()
  partition.batches = partition.batches.slice(0, 1)
  partition.end = 2
  partition.produce(Array.from({ length: 6 }, (_, i) => `other ${i}`))
  world.kafka.leaderEpoch = 4
  world.kafka.epochEnd = (epoch) => (epoch < 4 ? 2 : partition.end)
  await world.clock.until('it waits for an operator', () => world.source.status().partitions[0]?.state === 'suspended')
  assert.match(world.source.status().partitions[0]?.suspended ?? '', /^Partition 0 /)
  assert.deepEqual(world.stored(0), [0, 1, 2, 3])
  assert.ok(world.heard('fetchFailed').length > 0)
  await world.finish()
})

test('[P17] nor is one that lost what lies before the beginning, though nothing is stored of it yet', async () => {
  const world = new SourceWorld(2, { startPolicy: 'latest' })
  for (const each of [0, 1]) world.kafka.partition(each).produce(['a', 'b', 'c', 'd'])
  world.start()
  await world.clock.until('claimed', () => world.heard('partitionsClaimed').length === 1)
  const partition = world.kafka.partition(0)
  partition.batches = []
  partition.end = 2
  partition.produce(Array.from({ length: 6 }, (_, i) => `other ${i}`))
  world.kafka.partition(1).produce(['e', 'f'])
  world.kafka.leaderEpoch = 4
  world.kafka.epochEnd = (epoch, asked) => (asked === 0 && epoch < 4 ? 2 : world.kafka.partition(asked).end)
  await world.clock.until('it waits for an operator', () => world.source.status().partitions[0]?.state === 'suspended')
  await world.clock.until('the sound partition goes on', () => world.stored(1).length === 2)
  assert.deepEqual(world.stored(0), [])
  assert.match(said(world), /began at 4 of it: truncated/)
  await world.finish()
})

test('[P17] such an election while the detector warms up is noticed as well', async () => {
  const world = new SourceWorld(1)
  world.detector = { restore: () => 0, drop: () => undefined }
  world.start()
  const partition = world.kafka.partition(0)
  partition.produce(['a', 'b'])
  partition.produce(['c', 'd'])
  await world.caughtUp()
  // What is to be learned again does not come for a while; the last record, by which the log is recognised, does.
  world.kafka.tamper = (answer, wanted) => (wanted < 3 ? { ...answer, batches: Buffer.alloc(0) } : answer)
  world.kafka.group.rebalancing = true
  await world.clock.until('warming up', () => {
    const [status] = world.source.status().partitions
    return status?.state === 'running' && status.fetchOffset === 0
  })
  partition.batches = partition.batches.slice(0, 1)
  partition.end = 2
  partition.produce(Array.from({ length: 6 }, (_, i) => `other ${i}`))
  world.kafka.leaderEpoch = 4
  world.kafka.epochEnd = (epoch) => (epoch < 4 ? 2 : partition.end)
  // Long before a watchdog would look.
  await world.clock.until(
    'it waits for an operator',
    () => world.source.status().partitions[0]?.state === 'suspended',
    10_000,
  )
  await world.finish()
})

test('[P8] [P17] what the leader before answered late is not taken for what the new one has', async () => {
  const world = new SourceWorld(1).start()
  const partition = world.kafka.partition(0)
  // So that the layout is looked at again before the watchdog sees a standstill.
  await world.clock.advance(15_000)
  partition.produce(['a', 'b'])
  await world.caughtUp()
  const late = Promise.withResolvers<void>()
  world.kafka.tamper = async (answer) => {
    if (answer.batches.length > 0) await late.promise
    return answer
  }
  partition.produce(['c', 'd', 'e'])
  await world.clock.advance(60)
  partition.batches = partition.batches.slice(0, 1)
  partition.end = 2
  partition.produce(['other'])
  world.kafka.leaderEpoch = 4
  world.kafka.epochEnd = (epoch) => (epoch < 4 ? 2 : partition.end)
  // The layout is looked at again, and the new leader trusted: its log holds what was read.
  await world.clock.advance(20_000)
  world.kafka.tamper = (answer) => answer
  late.resolve()
  await world.caughtUp()
  const values = world.ranges.flatMap(({ records }) => [...records].map(({ value }) => String(value)))
  assert.deepEqual(values, ['a', 'b', 'other'])
  await world.finish()
})

test('[P17] a leader that has never known the epoch of the last record does not have it, however long its log is', async () => {
  const world = new SourceWorld(1).start()
  const partition = world.kafka.partition(0)
  partition.produce(['a', 'b'])
  partition.produce(['c', 'd'], undefined, 4)
  await world.caughtUp()
  // Elected uncleanly, twice: the first had less than the leader of epoch 3, and that one is back.
  partition.batches = partition.batches.slice(0, 1)
  partition.end = 2
  partition.produce(Array.from({ length: 6 }, (_, i) => `other ${i}`))
  world.kafka.leaderEpoch = 5
  world.kafka.epochKnown = (epoch) => (epoch < 5 ? Math.min(3, epoch) : epoch)
  await world.clock.until('it waits for an operator', () => world.source.status().partitions[0]?.state === 'suspended')
  assert.match(said(world), /holds another record at offset 3/)
  assert.deepEqual(world.stored(0), [0, 1, 2, 3])
  await world.finish()
})

test('[P8] [P17] nor when what was read last comes from the leader before while the new one is asked', async () => {
  const world = new SourceWorld(1).start()
  const partition = world.kafka.partition(0)
  await world.clock.advance(15_000)
  partition.produce(['a', 'b'])
  await world.caughtUp()
  const [late, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  world.kafka.tamper = async (answer) => {
    if (answer.batches.length > 0) await late.promise
    return answer
  }
  partition.produce(['c', 'd'], undefined, 4)
  await world.clock.advance(60)
  partition.batches = partition.batches.slice(0, 1)
  partition.end = 2
  partition.produce(Array.from({ length: 6 }, (_, i) => `other ${i}`))
  world.kafka.leaderEpoch = 5
  world.kafka.epochKnown = (epoch) => (epoch < 5 ? Math.min(3, epoch) : epoch)
  world.kafka.endsGate = gate.promise
  // The layout is looked at again, and the new leader asked about the epoch of b.
  await world.clock.advance(20_000)
  late.resolve()
  await world.clock.until('d is stored', () => world.stored(0).length === 4)
  gate.resolve()
  await world.clock.until('it waits for an operator', () => world.source.status().partitions[0]?.state === 'suspended')
  assert.deepEqual(world.stored(0), [0, 1, 2, 3])
  await world.finish()
})

test('a new leader with the same log is followed without beginning at the ledger again', async () => {
  const world = new SourceWorld(1).start()
  const partition = world.kafka.partition(0)
  partition.produce(['a', 'b'])
  await world.caughtUp()
  const { claims } = world.ledger
  world.kafka.leaderEpoch = 4
  world.kafka.epochEnd = (epoch) => (epoch < 4 ? 2 : partition.end)
  partition.produce(['c'])
  await world.caughtUp()
  assert.equal(world.ledger.claims, claims)
  await world.finish()
})

test('[P23] [F7] a partition that the database lost in a failover is pinned where the pipeline began, and read again', async () => {
  const world = new SourceWorld(2).start()
  world.kafka.partition(0).produce(['a', 'b', 'c'])
  world.kafka.partition(1).produce(['d'])
  await world.caughtUp()
  world.ledger.rows.delete(0)
  world.kafka.partition(0).produce(['e'])
  await world.caughtUp()
  assert.deepEqual(world.stored(0), [0, 1, 2, 3])
  assert.deepEqual(world.stored(1), [0])
  await world.finish()
})

test('[P11] [P12] [P21] every assignment is read from the ledger on, and not before it is known', async () => {
  const world = new SourceWorld(1).start()
  world.kafka.partition(0).produce(['a', 'b', 'c', 'd'])
  await world.caughtUp()
  const before = world.kafka.fetches.length
  // Kafka has forgotten what the group had committed, and then says something else.
  for (const committed of [null, 1, 99]) {
    world.kafka.group.commits.clear()
    if (committed !== null) world.kafka.group.commits.set(0, committed)
    const { claims } = world.ledger
    world.kafka.group.rebalancing = true
    await world.clock.until('claimed again', () => world.ledger.claims > claims && !world.kafka.group.rebalancing)
    world.kafka.partition(0).produce(['more'])
    await world.caughtUp()
  }
  assert.deepEqual(world.stored(0), [0, 1, 2, 3, 4, 5, 6])
  const asked = world.kafka.fetches.slice(before).flatMap(({ positions }) => positions.map(({ offset }) => offset))
  // The record before the ledger's offset is looked at to recognise the log; nothing else lies outside.
  assert.ok(
    asked.every((offset) => offset >= 3 && offset <= 7),
    String(asked),
  )
  await world.finish()
})

function said(world: SourceWorld): string {
  return world
    .heard('fetchFailed')
    .map((each) => messageOf(Reflect.get(Object(each), 'error')))
    .join()
}

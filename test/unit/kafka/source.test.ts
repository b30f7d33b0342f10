import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeAssignment } from '../../../src/kafka/group-protocol.ts'
import { epochMs } from '../../../src/log.ts'
import { SourceWorld } from '../../support/source-world.ts'

const many = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `log ${from + index}`)
const upTo = (count: number, from = 0): number[] => Array.from({ length: count - from }, (_, index) => from + index)

test('[P1] every record is stored once and in order, and hints follow', async () => {
  const world = new SourceWorld(2)
  world.kafka.partition(0).produce(many(300))
  world.kafka.partition(1).produce(many(50))
  world.start()
  await world.caughtUp()
  world.kafka.partition(0).produce(many(20))
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(320))
  assert.deepEqual(world.stored(1), upTo(50))
  await world.clock.advance(2_500)
  assert.deepEqual([...world.kafka.group.commits].sort(), [
    [0, 320],
    [1, 50],
  ])
  assert.equal(world.source.status().joined, true)
  await world.finish()
  assert.deepEqual(world.ledger.released, [0, 1])
  assert.deepEqual(world.kafka.group.left, ['member-1'])
  assert.deepEqual(world.heard('partitionsRevoked'), [{ partitions: [0, 1], how: 'stopped' }])
})

test('partitions are dealt out over the lanes; a batch is of one lane, and is stored while the other lane hangs', async () => {
  const world = new SourceWorld(5, { lanes: 2 })
  const seen = new Map<number, Set<number>>()
  const commit = world.ledger.commit.bind(world.ledger)
  const first = Promise.withResolvers<void>()
  world.ledger.commit = async (batch) => {
    const known = seen.get(batch.lane) ?? new Set<number>()
    for (const { range } of batch.ranges) known.add(range.partition)
    seen.set(batch.lane, known)
    if (batch.lane === 0) await first.promise
    return commit(batch)
  }
  for (let partition = 0; partition < 5; partition++) world.kafka.partition(partition).produce(many(300))
  world.start()
  await world.clock.until('lane 1 stored everything', () => world.stored(1).length + world.stored(3).length === 600)
  assert.equal(world.stored(0).length, 0)
  first.resolve()
  await world.caughtUp()
  for (let partition = 0; partition < 5; partition++) assert.deepEqual(world.stored(partition), upTo(300))
  assert.deepEqual(
    [...seen].sort(([a], [b]) => a - b).map(([lane, partitions]) => [lane, [...partitions].sort()]),
    [
      [0, [0, 2, 4]],
      [1, [1, 3]],
    ],
  )
  await world.finish()
})

test('[F10] topic, Kafka and database may come later than the source', async () => {
  const world = new SourceWorld(null)
  world.kafka.down = true
  world.ledger.down = true
  world.start()
  await world.clock.advance(3_000)
  assert.ok(world.heard('kafkaUnavailable').length > 0)
  world.kafka.down = false
  await world.clock.advance(10_000)
  assert.ok(world.heard('topicMissing').length > 0)
  world.kafka.partitions = new SourceWorld(1).kafka.partitions
  world.kafka.partition(0).produce(many(3))
  await world.clock.advance(10_000)
  assert.ok(world.heard('postgresUnavailable').length > 0)
  assert.equal(world.kafka.group.joins, 0, 'nothing is joined before the start is pinned')
  world.ledger.down = false
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(3))
  await world.finish()
})

test('of a topic that came after the source nothing is passed over, whatever the policy', async () => {
  const world = new SourceWorld(null, { startPolicy: 'latest' })
  world.start()
  await world.clock.advance(3_000)
  assert.ok(world.heard('topicMissing').length > 0)
  assert.equal(world.source.status().topicMissing, true)
  world.kafka.partitions = new SourceWorld(1).kafka.partitions
  world.kafka.partition(0).produce(many(3))
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(3))
  assert.equal(world.source.status().topicMissing, false)
  await world.finish()
})

test('an abort while the topic is missing ends the source', async () => {
  const world = new SourceWorld(null).start()
  await world.clock.advance(2_000)
  await world.finish()
})

test('the first start takes the group offset, else the end that the policy names', async () => {
  const world = new SourceWorld(2, { startPolicy: 'latest' })
  world.kafka.partition(0).produce(many(10))
  world.kafka.partition(1).produce(many(10))
  world.kafka.group.commits.set(0, 4)
  world.start()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(10, 4))
  assert.deepEqual(world.stored(1), [])
  assert.equal(world.ledger.row(1).base, 10)
  await world.finish()
})

test('[P3] [P9] [F12] before a rebalance what was handed out is stored, hinted and released; then reading goes on', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(10))
  world.start()
  await world.caughtUp()
  const letGo = world.ledger.hold()
  world.kafka.partition(0).produce(many(10))
  await world.clock.until('the batch is handed out', () => world.ranges.length >= 2)
  world.kafka.group.rebalancing = true
  const before = world.kafka.group.joins
  await world.clock.advance(4_000)
  assert.equal(world.kafka.group.joins, before, 'the join waits for the store')
  const beats = world.kafka.group.heartbeats
  await world.clock.advance(3_500)
  assert.ok(world.kafka.group.heartbeats > beats, 'heartbeats go on meanwhile')
  letGo()
  await world.clock.until('joined again', () => world.kafka.group.joins > before)
  assert.equal(world.kafka.group.commits.get(0), 20)
  assert.deepEqual(world.ledger.released, [0])
  world.kafka.partition(0).produce(many(5))
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(25))
  assert.deepEqual(world.heard('partitionsRevoked'), [{ partitions: [0], how: 'revoked' }])
  await world.finish()
})

test('[P3] a store that hangs holds a rebalance for ten seconds, and its late batch is fenced or counted once', async () => {
  const world = new SourceWorld(1)
  world.start()
  await world.clock.until('assigned', () => world.heard('partitionsClaimed').length > 0)
  const letGo = world.ledger.hold()
  world.kafka.partition(0).produce(many(10))
  await world.clock.until('handed out', () => world.ranges.length > 0)
  world.kafka.group.rebalancing = true
  await world.clock.until('joined again', () => world.kafka.group.generation === 2, 15_000)
  assert.equal(world.heard('partitionsClaimed').length, 1, 'not claimed while old ranges are under way')
  letGo()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(10))
  await world.finish()
})

test('[P8] [F13] an answer that arrives after the partition was lost is dropped', async () => {
  const world = new SourceWorld(1)
  const answer = Promise.withResolvers<void>()
  world.kafka.partition(0).produce(many(5))
  world.kafka.tamper = async (fetched) => {
    await answer.promise
    return fetched
  }
  world.start()
  await world.clock.until('a fetch is under way', () => world.kafka.fetches.length === 1)
  world.kafka.group.forget()
  await world.clock.until('lost', () => world.heard('partitionsRevoked').length > 0)
  world.kafka.tamper = (fetched) => fetched
  answer.resolve()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(5))
  assert.deepEqual(world.heard('staleDelivery'), [{ partition: 0, records: 5 }])
  assert.deepEqual(world.heard('partitionsRevoked')[0], { partitions: [0], how: 'lost' })
  await world.finish()
})

test('when the last partition is lost, nothing is told to be buffered or behind any more', async () => {
  const world = new SourceWorld(1, { rowsMax: 5 })
  const letGo = world.ledger.hold()
  world.kafka.partition(0).produce(many(50))
  world.start()
  const told = (): unknown => world.heard('bufferedBytes').at(-1)
  await world.clock.until('buffered bytes are told', () => Number(told()) > 0)
  world.kafka.group.share = encodeAssignment(new Map())
  world.kafka.group.forget()
  await world.clock.until('lost', () => world.heard('partitionsRevoked').length > 0)
  letGo()
  await world.clock.until('joined again', () => world.heard('groupJoined').length === 2)
  await world.clock.advance(2_000)
  assert.deepEqual(world.source.status().partitions, [])
  assert.equal(told(), 0)
  assert.equal(world.source.status().batching.catchingUp, false)
  await world.finish()
})

test('[P4] [F11] a fenced partition is claimed again only after a later heartbeat', async () => {
  const world = new SourceWorld(1).start()
  await world.clock.until('assigned', () => world.heard('partitionsClaimed').length > 0)
  world.ledger.row(0).epoch = 7
  world.kafka.partition(0).produce(many(5))
  await world.clock.until('fenced', () => world.source.status().partitions[0]?.state === 'fenced')
  assert.deepEqual(world.dropped, [0])
  const beats = world.kafka.group.heartbeats
  await world.caughtUp()
  assert.ok(world.kafka.group.heartbeats > beats)
  assert.equal(world.ledger.row(0).epoch, 8)
  assert.deepEqual(world.stored(0), upTo(5))
  await world.finish()
})

test('[P23] [F7] a ledger that moved is believed: ahead and rewound', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(10))
  world.start()
  await world.caughtUp()
  const row = world.ledger.row(0)
  row.next = 4
  row.tail = null
  row.stored = upTo(4)
  world.kafka.partition(0).produce(many(5))
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(15))
  await world.finish()
})

test('[P14] [P15] [F29] offsets between two batches become holes after a second look, markers at once, also at the end of the log', async () => {
  const world = new SourceWorld(1)
  const partition = world.kafka.partition(0)
  partition.produce(many(5))
  partition.compacted(3)
  partition.produce(many(5))
  partition.mark()
  world.start()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), [...upTo(5), ...upTo(13, 8)])
  assert.equal(world.ledger.row(0).holes, 4)
  assert.deepEqual(world.heard('clientSkip'), [])
  await world.finish()
})

test('[F13] records that one answer left out are fetched again and not passed over', async () => {
  const world = new SourceWorld(1)
  const partition = world.kafka.partition(0)
  partition.produce(many(5))
  partition.produce(many(5))
  let faulty = true
  world.kafka.tamper = (fetched) => {
    if (!faulty || fetched.batches.length === 0) return fetched
    faulty = false
    return { ...fetched, batches: partition.batches[1]?.bytes ?? Buffer.alloc(0) }
  }
  world.start()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(10))
  assert.deepEqual(world.heard('clientSkip'), [{ partition: 0, expected: 0, found: 5 }])
  await world.finish()
})

test('large batches are fetched one at a time, each asked for by its own size, and nobody waits for ever', async () => {
  const world = new SourceWorld(4)
  const large = 'x'.repeat(300_000)
  for (let p = 0; p < 4; p++) for (let i = 0; i < 3; i++) world.kafka.partition(p).produce([`${large} ${i}`])
  world.kafka.tamper = (fetched) => {
    // As brokers do it: only the first partition of a request gets a batch that is longer than it asked for.
    if (fetched.batches.length === 0) return fetched
    const { positions = [] } = world.kafka.fetches.at(-1) ?? {}
    const at = positions.findIndex(({ partition }) => partition === fetched.partition)
    const room = positions[at]?.maxBytes ?? 0
    const whole = at === 0 ? Math.max(room, fetched.batches.readInt32BE(8) + 12) : room
    return { ...fetched, batches: fetched.batches.subarray(0, whole) }
  }
  world.start()
  await world.caughtUp()
  for (let p = 0; p < 4; p++) assert.deepEqual(world.stored(p), upTo(3))
  for (const { positions, maxBytes } of world.kafka.fetches) {
    assert.ok(maxBytes <= 1_000_000, `${maxBytes} bytes asked for`)
    for (const each of positions.slice(1)) assert.equal(each.maxBytes, 100_000)
    assert.ok((positions[0]?.maxBytes ?? 0) < 301_000)
  }
  await world.finish()
})

test('of an answer that would take more memory than it may when decompressed, the rest is fetched again', async () => {
  const world = new SourceWorld(3, { answerPlainBytesMax: 25_000 })
  for (let p = 0; p < 3; p++) for (let i = 0; i < 6; i++) world.kafka.partition(p).produce(['x'.repeat(10_000)])
  world.start()
  await world.caughtUp()
  for (let p = 0; p < 3; p++) assert.deepEqual(world.stored(p), upTo(6))
  // Three batches an answer: two are less than 25,000 bytes, and the third, which is more, can't be known before it is read.
  assert.ok(world.kafka.fetches.length >= 6, `${world.kafka.fetches.length} fetches`)
  assert.deepEqual(world.heard('clientSkip'), [])
  assert.deepEqual(world.heard('gapFound'), [])
  await world.finish()
})

test('what waits least is fetched first, so that a lane is not without records while another one has many', async () => {
  const world = new SourceWorld(2, { lanes: 2, rowsMax: 50 })
  const produce = (partition: number, batches: number): void => {
    for (let batch = 0; batch < batches; batch++) world.kafka.partition(partition).produce(many(50))
  }
  // The first of a request that has records fills the answer.
  let full = 0
  world.kafka.tamper = (fetched) => {
    const { length } = world.kafka.fetches
    if (full === length) return { ...fetched, batches: Buffer.alloc(0) }
    if (fetched.batches.length > 0) full = length
    return fetched
  }
  const fetchedTo = (partition: number): number => world.source.status().partitions[partition]?.fetchOffset ?? 0
  const letGo = world.ledger.hold()
  produce(0, 20)
  world.start()
  await world.clock.until('one has many', () => fetchedTo(0) === 1_000)
  produce(0, 20)
  produce(1, 20)
  const before = world.kafka.fetches.length
  await world.clock.until('the other has nearly as many', () => fetchedTo(1) >= 800)
  const asked = world.kafka.fetches.slice(before).map(({ positions }) => positions.map((each) => each.partition))
  // Of the one that found the answers full, too: it is not taken for one that does not move.
  assert.deepEqual(asked.slice(0, 3), [
    [1, 0],
    [1, 0],
    [1, 0],
  ])
  letGo()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(2_000))
  assert.deepEqual(world.stored(1), upTo(1_000))
  await world.finish()
})

test('[P16] [F15] what retention took is a gap, at the start and on the way', async () => {
  const world = new SourceWorld(1)
  const partition = world.kafka.partition(0)
  partition.produce(many(10))
  world.ledger.key = 'cluster:aa'
  partition.deleteBefore(10)
  world.start()
  await world.caughtUp()
  assert.deepEqual(world.ledger.row(0).gaps, [{ from: 0, to: 10, reason: 'retention' }])
  partition.errorCode = 9
  await world.clock.advance(2_000)
  partition.produce(many(10))
  partition.produce(many(10))
  partition.deleteBefore(20)
  partition.errorCode = 0
  await world.caughtUp()
  assert.deepEqual(world.ledger.row(0).gaps[1], { from: 10, to: 20, reason: 'retention' })
  assert.deepEqual(world.stored(0), upTo(30, 20))
  assert.equal(world.heard('gapFound').length, 2)
  await world.finish()
})

test('the detector warms up to exactly where the ledger stands', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(100))
  world.ledger.key = 'cluster:aa'
  const snapshot = { partition: 0, atOffset: 40, format: 1, state: new Uint8Array() }
  world.ledger.rows.set(0, {
    base: 0,
    next: 70,
    epoch: 0,
    tail: null,
    startLeaderEpoch: -1,
    snapshot,
    stored: upTo(70),
    holes: 0,
    gaps: [],
  })
  world.start()
  await world.caughtUp()
  const read = world.ranges.map(({ from, to, purpose }) => ({ from, to, purpose }))
  assert.deepEqual(read, [
    { from: 40, to: 70, purpose: 'warm-up' },
    { from: 70, to: 100, purpose: 'store' },
  ])
  assert.deepEqual(world.stored(0), upTo(100))
  await world.finish()
})

test('[P17] [P19] [F16] a log whose last stored record is another one is not read', async () => {
  const world = new SourceWorld(2)
  for (const index of [0, 1]) world.kafka.partition(index).produce(many(10))
  world.start()
  await world.caughtUp()
  const tail = world.ledger.row(0).tail
  assert.ok(tail !== null)
  world.ledger.row(0).tail = { ...tail, crc: tail.crc ^ 1, timestamp: epochMs(5) }
  world.kafka.group.forget()
  await world.clock.until('joined again', () => world.heard('groupJoined').length === 2)
  world.kafka.partition(0).produce(many(1))
  world.kafka.partition(1).produce(many(1))
  await world.clock.until('the sound partition goes on', () => world.stored(1).length === 11)
  await world.clock.advance(5_000)
  assert.equal(world.stored(0).length, 10)
  assert.equal(world.source.status().partitions[0]?.state, 'suspended')
  assert.match(String(world.heard('fetchFailed').map((each) => JSON.stringify(each))), /KAFKA_LOG_TRUNCATED/)
  await world.finish()
})

test('[F27] fetching pauses when the budget is used up, heartbeats go on, and it resumes', async () => {
  const world = new SourceWorld(1, { bufferBytesMax: 30_000, rowsMax: 50 })
  for (let index = 0; index < 40; index++) world.kafka.partition(0).produce(many(50))
  const letGo = world.ledger.hold()
  world.start()
  await world.clock.until('paused', () => world.heard('fetchPaused').length > 0)
  const { length } = world.kafka.fetches
  const beats = world.kafka.group.heartbeats
  await world.clock.advance(60_000)
  assert.equal(world.kafka.fetches.length, length, 'nothing is fetched while paused')
  assert.ok(world.kafka.group.heartbeats >= beats + 15)
  assert.ok(world.source.status().bufferedBytes < 30_000 + 200 * 300)
  assert.deepEqual(world.heard('watchdogFired'), [])
  assert.ok((world.source.status().partitions[0]?.lagSeconds ?? 0) > 60)
  letGo()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(2_000))
  assert.ok(world.heard('fetchResumed').length > 0)
  await world.finish()
})

test('[F20] an abort hands out what is buffered, and ends when it is stored', async () => {
  const world = new SourceWorld(1, { rowsMax: 10 })
  const letGo = world.ledger.hold()
  for (let index = 0; index < 4; index++) world.kafka.partition(0).produce(many(10))
  world.start()
  await world.clock.until('buffered', () => (world.source.status().partitions[0]?.fetchOffset ?? 0) === 40)
  world.kafka.partition(0).produce(many(10))
  world.stop.abort()
  await world.clock.advance(5_000)
  assert.equal(world.ended, null)
  letGo()
  await world.finish()
  assert.deepEqual(world.stored(0), upTo(world.ledger.row(0).next))
  assert.ok(world.ledger.row(0).next >= 40)
  assert.equal(world.kafka.group.commits.get(0), world.ledger.row(0).next)
  assert.equal(world.kafka.group.left.length, 1)
})

test('[P10] [P20] [F17] partitions that are added later are read from 0', async () => {
  const world = new SourceWorld(1, { startPolicy: 'latest' })
  world.kafka.partition(0).produce(many(5))
  world.start()
  await world.clock.until('assigned', () => world.heard('partitionsClaimed').length > 0)
  const added = new SourceWorld(1).kafka.partition(0)
  added.produce(many(7))
  world.kafka.partitions?.push(added)
  await world.caughtUp()
  assert.deepEqual(world.stored(1), upTo(7))
  assert.deepEqual(world.stored(0), [])
  await world.finish()
})

test('[P18] [F16] a topic that was deleted and made again is read from 0 as another incarnation', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(5))
  world.start()
  await world.caughtUp()
  world.kafka.partitions = null
  await world.clock.advance(5_000)
  world.kafka.partitions = new SourceWorld(1).kafka.partitions
  world.kafka.topicId = 'bb'
  world.kafka.partition(0).produce(many(3))
  await world.clock.until('the new one is stored', () => world.ledger.incarnation === 2 && world.stored(0).length === 3)
  assert.equal(world.heard('topicRecreated').length, 1)
  await world.finish()
})

test('[F10] a leader that moves is followed', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(5))
  world.start()
  await world.caughtUp()
  world.kafka.leader = 2
  world.kafka.partition(0).produce(many(5))
  await world.caughtUp(10_000)
  assert.equal(world.kafka.fetches.at(-1)?.node, 2)
  await world.finish()
})

test('[F10] [F11] Kafka may go away and come back', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(5))
  world.start()
  await world.caughtUp()
  world.kafka.down = true
  await world.clock.advance(60_000)
  world.kafka.down = false
  world.kafka.partition(0).produce(many(5))
  await world.caughtUp(30_000)
  assert.deepEqual(world.stored(0), upTo(10))
  await world.finish()
})

test('[F14] a partition that stands still is read again, then over new connections, then the source gives up', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(5))
  world.kafka.tamper = (fetched) => ({ ...fetched, batches: Buffer.alloc(0) })
  world.start()
  await world.clock.until('the end', () => world.ended !== null, 300_000)
  assert.deepEqual(
    world.heard('watchdogFired').map((each) => JSON.stringify(each)),
    ['reseek', 'recreate', 'exit'].map((step) => JSON.stringify({ partition: 0, step })),
  )
  assert.equal(Reflect.get(Object(world.ended?.error), 'code'), 'KAFKA_STALLED')
  assert.ok(world.kafka.opened >= 2)
})

test('[F14] a fetch that never returns is cut by new connections', async () => {
  const world = new SourceWorld(1)
  world.start()
  await world.clock.until('a fetch is under way', () => world.kafka.fetches.length > 0)
  world.kafka.partition(0).produce(many(5))
  world.kafka.tamper = () => new Promise(() => undefined)
  await world.clock.until('recreated', () => world.heard('watchdogFired').length === 2, 300_000)
  world.kafka.tamper = (fetched) => fetched
  await world.caughtUp(30_000)
  assert.deepEqual(world.stored(0), upTo(5))
  await world.finish()
})

test('a corrupt batch is said, what lies before it is stored, and it is tried again', async () => {
  const world = new SourceWorld(1)
  const partition = world.kafka.partition(0)
  partition.produce(many(5))
  partition.produce(many(5))
  let corrupt = true
  world.kafka.tamper = (fetched) => {
    if (!corrupt || fetched.batches.length === 0) return fetched
    const batches = Buffer.from(fetched.batches)
    batches[batches.length - 1] = (batches.at(-1) ?? 0) ^ 0xff
    return { ...fetched, batches }
  }
  world.start()
  await world.clock.until('said', () => world.heard('corruptBatch').length > 0)
  await world.clock.until('the first batch is stored', () => world.stored(0).length === 5)
  corrupt = false
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(10))
  await world.finish()
})

test('[P22] [F24] partitions that another group holds are said to be, and taken when they are free', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(many(5))
  world.ledger.heldBy = 'other-group'
  world.start()
  await world.clock.until('said', () => world.heard('partitionHeldByGroup').length > 1)
  world.ledger.heldBy = null
  await world.caughtUp()
  await world.finish()
})

test('[P4] what is lost in the turn of the loop before a batch is not handed out: its detector has forgotten it', async () => {
  const turned = Promise.withResolvers<void>()
  let waiting = false
  const world = new SourceWorld(1, {
    turn: () => {
      waiting = true
      return turned.promise
    },
  })
  world.kafka.partition(0).produce(many(10))
  world.start()
  await world.clock.until('a batch is due', () => waiting)
  world.kafka.group.heartbeatCodes = [25]
  await world.clock.until('lost', () => world.heard('partitionsRevoked').length > 0)
  assert.deepEqual(world.ranges, [])
  const lost = world.kafka.group.joins
  turned.resolve()
  await world.clock.settle()
  assert.deepEqual(world.ranges, [], 'nothing of the assignment that is over')
  await world.caughtUp()
  assert.ok(world.kafka.group.joins > lost || world.heard('partitionsClaimed').length === 2)
  assert.deepEqual(world.stored(0), upTo(10))
  await world.finish()
})

test('[P3] a claim that is answered while the partition is being given back begins nothing', async () => {
  const world = new SourceWorld(2, { lanes: 2 })
  for (const partition of [0, 1]) world.kafka.partition(partition).produce(many(10))
  world.start()
  await world.caughtUp()
  const [claim, commit] = [world.ledger.claim.bind(world.ledger), world.ledger.commit.bind(world.ledger)]
  const [claims, commits] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let claiming = false
  world.ledger.claim = async (partitions) => {
    claiming = true
    await claims.promise
    return claim(partitions)
  }
  world.ledger.commit = async (batch) => {
    if (batch.lane === 0) await commits.promise
    return commit(batch)
  }
  world.ledger.row(1).next = 9
  for (const partition of [0, 1]) world.kafka.partition(partition).produce(many(10, 10))
  await world.clock.until('partition 1 is claimed again, 0 being stored', () => claiming && world.ranges.length === 4)
  world.kafka.group.rebalancing = true
  const { heartbeats } = world.kafka.group
  await world.clock.until('a rebalance', () => world.kafka.group.heartbeats > heartbeats)
  claims.resolve()
  await world.clock.advance(5_000)
  assert.equal(world.ranges.length, 4, 'nothing more is read')
  assert.equal(world.heard('partitionsRevoked').length, 0)
  commits.resolve()
  await world.caughtUp()
  assert.deepEqual(world.stored(0), upTo(20))
  await world.finish()
})

test('[P20] [F17] partitions that were added while the group was being divided are divided, too', async () => {
  const world = new SourceWorld(1)
  const { group } = world.kafka
  const divided = Promise.withResolvers<void>()
  let dividing = false
  const connect = group.connect.bind(group)
  group.connect = () => {
    const transport = connect()
    return {
      ...transport,
      sync: async (request) => {
        const answer = await transport.sync(request)
        dividing = true
        await divided.promise
        return answer
      },
    }
  }
  world.start()
  await world.clock.until('a division on its way', () => dividing)
  world.kafka.partitions = [world.kafka.partition(0), new SourceWorld(1).kafka.partition(0)]
  world.kafka.partition(1).produce(many(5))
  await world.clock.until('the ledger knows both', () => world.ledger.rows.size === 2)
  divided.resolve()
  await world.caughtUp()
  assert.deepEqual(world.stored(1), upTo(5))
  await world.finish()
})

test('[F15] what retention took is told once, also where the partition was lost while the log was asked where it begins', async () => {
  const world = new SourceWorld(1)
  const partition = world.kafka.partition(0)
  partition.produce(many(2))
  world.start()
  await world.caughtUp()
  const gate = Promise.withResolvers<void>()
  world.kafka.endsGate = gate.promise
  partition.produce(many(3, 2))
  partition.produce(many(3, 5))
  partition.deleteBefore(5)
  // Its fetch is answered with "out of range".
  await world.clock.advance(100)
  world.kafka.group.heartbeatCodes = [25]
  await world.clock.until('another assignment', () => world.heard('partitionsClaimed').length === 2)
  gate.resolve()
  await world.caughtUp()
  assert.deepEqual(world.heard('gapFound'), [{ partition: 0, from: 2, to: 5, reason: 'retention' }])
  assert.deepEqual(world.stored(0), [0, 1, 5, 6, 7])
  await world.finish()
})

test('[P20] a group whose topic has gone is divided once, not again and again, and anew when it is there again', async () => {
  const world = new SourceWorld(3)
  world.start()
  await world.caughtUp()
  const { group, partitions } = world.kafka
  const before = group.joins
  world.kafka.partitions = []
  group.rebalancing = true
  await world.clock.advance(20_000)
  assert.equal(group.joins, before + 1)
  assert.deepEqual(world.source.status().partitions, [])
  world.kafka.partitions = partitions
  world.kafka.partition(2).produce(many(5))
  await world.caughtUp()
  assert.equal(group.joins, before + 2)
  assert.deepEqual(world.stored(2), upTo(5))
  await world.finish()
})

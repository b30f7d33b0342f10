import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  assign,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../src/kafka/group-protocol.ts'
import { SourceWorld } from '../../support/source-world.ts'

const assigned = (world: SourceWorld): boolean => world.source.status().joined

test('what is written is read, and a newer version may append', () => {
  const subscription = encodeSubscription(['logs', 'ünï'])
  assert.deepEqual(decodeSubscription(Buffer.concat([subscription, Buffer.from([1, 2, 3])])), ['logs', 'ünï'])
  const assignment = encodeAssignment(new Map([['logs', [0, 3]]]))
  assert.deepEqual(decodeAssignment(assignment), new Map([['logs', [0, 3]]]))
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), new Map())
  assert.throws(() => decodeSubscription(subscription.subarray(0, 9)), { code: 'KAFKA_PROTOCOL' })
})

test('every partition of every subscribed topic has exactly one owner that wants it', () => {
  const topics = fc.uniqueArray(fc.constantFrom<string[]>('a', 'b', 'c'), { minLength: 1 })
  const property = fc.property(
    fc.array(topics, { minLength: 1, maxLength: 6 }),
    fc.constantFrom('range', 'roundrobin'),
    fc.integer({ min: 0, max: 9 }),
    (subscriptions, protocol, partitions) => {
      const members = subscriptions.map((each, index) => ({ memberId: `m${index}`, topics: each }))
      const counts = new Map(['a', 'b', 'c'].map((topic) => [topic, partitions]))
      const shares = assign(protocol, members, counts)
      const owned: string[] = []
      for (const [memberId, share] of shares) {
        for (const [topic, list] of share) {
          assert.ok(members.find((member) => member.memberId === memberId)?.topics.includes(topic))
          owned.push(...list.map((partition) => `${topic}-${partition}`))
        }
      }
      const wanted = [...new Set(subscriptions.flat())].flatMap((topic) =>
        Array.from({ length: partitions }, (_, partition) => `${topic}-${partition}`),
      )
      assert.deepEqual(owned.sort(), wanted.sort())
    },
  )
  fc.assert(property, { numRuns: 200 })
})

test('as the leader we give another client of the group its share', async () => {
  const world = new SourceWorld(4)
  world.kafka.group.others = [{ memberId: 'zz-kcat', metadata: encodeSubscription(['logs']) }]
  world.start()
  await world.clock.until('assigned', () => assigned(world))
  assert.deepEqual(
    decodeAssignment(world.kafka.group.assignments.get('zz-kcat') ?? Buffer.alloc(0)),
    new Map([['logs', [2, 3]]]),
  )
  assert.deepEqual(world.heard('groupJoined'), [{ generation: 1, memberId: 'member-1', partitions: [0, 1] }])
  await world.finish()
})

test('a member without partitions has joined all the same', async () => {
  const world = new SourceWorld(1)
  world.kafka.group.share = encodeAssignment(new Map())
  world.start()
  await world.clock.until('joined', () => assigned(world))
  assert.deepEqual(world.source.status().partitions, [])
  await world.finish()
})

for (const [code, what] of [
  [14, 'a coordinator that loads'],
  [22, 'an old generation'],
  [25, 'a member that is unknown'],
  [27, 'a rebalance in progress'],
] as const) {
  test(`a join answered with ${code} (${what}) is repeated in the same life`, async () => {
    const world = new SourceWorld(1)
    world.kafka.group.joinCodes = [code, code]
    world.start()
    await world.clock.until('joined', () => assigned(world), 10_000)
    assert.equal(world.heard('kafkaUnavailable').length, 0)
    await world.finish()
  })
}

for (const code of [15, 16, 23, 999]) {
  test(`a join answered with ${code} ends the life and another one succeeds`, async () => {
    const world = new SourceWorld(1)
    world.kafka.group.joinCodes = [code]
    world.start()
    await world.clock.until('joined', () => assigned(world), 20_000)
    assert.equal(world.heard('kafkaUnavailable').length, 1)
    await world.finish()
  })
}

for (const [code, told] of [
  [24, /INVALID_GROUP_ID \(24\): KAFKA_GROUP_ID/],
  [26, /INVALID_SESSION_TIMEOUT \(26\): KAFKA_SESSION_TIMEOUT_MS/],
  [30, /GROUP_AUTHORIZATION_FAILED \(30\): .*READ/],
] as const) {
  test(`a join refused with ${code} ends the source with KAFKA_REFUSED, and says what to do`, async () => {
    const world = new SourceWorld(1)
    world.kafka.group.joinCodes = [code]
    world.start()
    await world.clock.until('the end', () => world.ended !== null)
    assert.equal(Reflect.get(Object(world.ended?.error), 'code'), 'KAFKA_REFUSED')
    assert.match(String(Reflect.get(Object(world.ended?.error), 'message')), told)
  })
}

for (const [code, how] of [
  [22, 'lost'],
  [25, 'lost'],
  [16, 'lost'],
  [27, 'revoked'],
] as const) {
  test(`a heartbeat answered with ${code}: the partitions are ${how}, then owned again`, async () => {
    const world = new SourceWorld(1).start()
    await world.clock.until('claimed', () => world.heard('partitionsClaimed').length === 1)
    world.kafka.group.heartbeatCodes = [code]
    await world.clock.until('claimed again', () => world.heard('partitionsClaimed').length === 2, 20_000)
    assert.deepEqual(world.heard('partitionsRevoked'), [{ partitions: [0], how }])
    await world.finish()
  })
}

test('a heartbeat answered with 14 changes nothing', async () => {
  const world = new SourceWorld(1).start()
  await world.clock.until('claimed', () => world.heard('partitionsClaimed').length === 1)
  world.kafka.group.heartbeatCodes = [14, 14]
  await world.clock.advance(20_000)
  assert.equal(world.kafka.group.generation, 1)
  await world.finish()
})

test('a refused hint is said and sent again, and never starts a join', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(['a', 'b'])
  world.kafka.group.commitErrorCode = 22
  world.start()
  await world.caughtUp()
  await world.clock.until('said', () => world.heard('commitHintFailed').length > 0)
  const joins = world.kafka.group.joins
  world.kafka.group.commitErrorCode = 0
  await world.clock.until('sent again', () => world.kafka.group.commits.get(0) === 2)
  assert.equal(world.kafka.group.joins, joins)
  await world.finish()
})

test('[P4] a hint refused as not a member’s has a heartbeat sent at once: a worker that slept knows then that it owns nothing', async () => {
  const world = new SourceWorld(1)
  world.kafka.partition(0).produce(['a', 'b'])
  world.start()
  await world.caughtUp()
  world.kafka.group.commitErrorCode = 25
  world.kafka.group.heartbeatCodes = [25]
  await world.clock.until('said', () => world.heard('commitHintFailed').length > 0)
  const refusedAtMs = world.clock.nowMs
  world.kafka.group.commitErrorCode = 0
  await world.clock.until('let go', () => world.heard('partitionsRevoked').length > 0)
  assert.equal(world.clock.nowMs, refusedAtMs)
  assert.deepEqual(world.heard('partitionsRevoked'), [{ partitions: [0], how: 'lost' }])
  await world.finish()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Group } from '../../../../src/kafka/embedded-broker/group.ts'
import type { Join } from '../../../../src/kafka/embedded-broker/group-messages.ts'

function world() {
  let now = 0
  let ids = 0
  const timers = new Set<{ at: number; action: () => void }>()
  const group = new Group({
    randomId() {
      ids += 1
      return String(ids)
    },
    schedule(action, delayMs) {
      const timer = { at: now + delayMs, action }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  })
  const advance = (ms: number): void => {
    now += ms
    for (const timer of [...timers]) {
      if (timer.at <= now && timers.delete(timer)) timer.action()
    }
  }
  return { group, advance }
}
const join = (memberId: string, more: Partial<Join> = {}): Join => ({
  memberId,
  instanceId: null,
  clientId: 'c',
  clientHost: '/h',
  sessionTimeoutMs: 1_000,
  rebalanceTimeoutMs: 5_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('m') }],
  idFirst: true,
  ...more,
})
async function stableWithOne() {
  const made = world()
  const first = await made.group.join(join(''))
  assert.equal(first.errorCode, 79)
  const joined = await made.group.join(join(first.memberId))
  assert.equal(joined.leaderId, first.memberId)
  const identity = { memberId: first.memberId, instanceId: null, generation: joined.generation }
  const assignments = [{ memberId: first.memberId, assignment: Buffer.from('all') }]
  const synced = await made.group.sync({ ...identity, protocolType: null, protocol: null, assignments })
  assert.equal(synced.assignment.toString(), 'all')
  assert.equal(made.group.state, 'Stable')
  return { ...made, identity }
}

test('a new member gets its id first, then joins, leads and is assigned', async () => {
  const { group, identity } = await stableWithOne()
  assert.equal(group.heartbeat(identity), 0)
  assert.equal(group.heartbeat({ ...identity, generation: 99 }), 22)
})

test('a member that is silent for its session timeout is gone', async () => {
  const { group, advance, identity } = await stableWithOne()
  advance(999)
  assert.equal(group.heartbeat(identity), 0)
  advance(1_000)
  assert.equal(group.heartbeat(identity), 25)
  assert.equal(group.state, 'Empty')
})

test('a second member makes the first join again, and who does not in time is left out', async () => {
  const { group, advance, identity } = await stableWithOne()
  const { memberId } = await group.join(join(''))
  const second = group.join(join(memberId, { rebalanceTimeoutMs: 500 }))
  assert.equal(group.heartbeat(identity), 27)
  for (let elapsed = 0; elapsed < 5_000; elapsed += 500) {
    group.heartbeat(identity)
    advance(500)
  }
  const joined = await second
  assert.equal(joined.leaderId, memberId)
  assert.deepEqual(
    joined.members.map((each) => each.memberId),
    [memberId],
  )
  assert.equal(group.heartbeat(identity), 25)
})

test('a static member that comes back keeps its assignment without a rebalance, and fences its former self', async () => {
  const { group } = world()
  const joined = await group.join(join('', { instanceId: 'i' }))
  const identity = { memberId: joined.memberId, instanceId: 'i', generation: joined.generation }
  const assignments = [{ memberId: joined.memberId, assignment: Buffer.from('all') }]
  await group.sync({ ...identity, protocolType: null, protocol: null, assignments })
  const back = await group.join(join('', { instanceId: 'i' }))
  assert.equal(back.generation, joined.generation)
  const again = { ...identity, memberId: back.memberId, protocolType: null, protocol: null, assignments: [] }
  assert.equal((await group.sync(again)).assignment.toString(), 'all')
  assert.equal(group.heartbeat(identity), 82)
})

test('leaving empties the group, after which offsets may be committed without a generation', async () => {
  const { group, identity } = await stableWithOne()
  const outsider = { memberId: '', instanceId: null, generation: -1 }
  assert.equal(group.mayCommit(outsider), 25)
  assert.equal(group.leave(identity), 0)
  assert.equal(group.mayCommit(outsider), 0)
})

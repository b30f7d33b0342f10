/** What a fault concerns, and when the line counts as going on again: decided with a ledger and workers that do as they are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultKind } from '../../../src/proof/faults.ts'
import { inject, type Scene } from '../../../src/proof/injection.ts'
import type { LedgerPosition } from '../../../src/proof/ledger-watch.ts'

/** Two workers, a and b; a owns the partitions 0 and 1, b owns 2. */
function scene(positions: () => Record<number, number>) {
  const did: string[] = []
  let started = 0
  const member = (name: string) => ({
    owner: name,
    applicationName: `app ${name}`,
    worker: { pid: name.charCodeAt(0), signal: (signal: string) => void did.push(`${signal} ${name}`) },
  })
  const members = [member('a'), member('b')]
  const owners = ['a', 'a', 'b']
  const team = {
    members,
    start: async () => {
      did.push('start')
      return member(`new${++started}`)
    },
    kill: async ({ owner }: { owner: string }) => void did.push(`kill ${owner}`),
    stop: async ({ owner }: { owner: string }) => {
      did.push(`stop ${owner}`)
      return owner === 'b' ? 3 : 0
    },
  }
  let nowMs = 10_000
  const watch = {
    positions: async () => {
      const at = positions()
      return new Map(
        owners.map((owner, part): [number, LedgerPosition] => [part, { nextOffset: at[part] ?? 0, owner }]),
      )
    },
    cut: async (name: string) => {
      did.push(`cut ${name}`)
      return 2
    },
  }
  const parts = {
    team,
    watch,
    load: { ends: [100, 200, 300] },
    sessionTimeoutMs: 6_000,
    clock: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms
    },
    startedMs: 4_000,
    signal: new AbortController().signal,
  }
  return { did, scene: parts as unknown as Scene & { team: { members: unknown[] } } }
}
const fault = (kind: FaultKind, victim = 0) => ({ kind, victim, restMs: 0 })

test('the line goes on again when every partition of the victim has stored what was sent after the fault', async () => {
  let looks = 0
  const at = scene(() => {
    looks++
    // Up to 100 and 200 was sent before: a batch that was on its way proves nothing.
    return { 0: looks > 3 ? 101 : 100, 1: looks > 5 ? 250 : 200, 2: 0 }
  })
  const injected = await inject(fault('kill'), at.scene)
  assert.deepEqual([injected.kind, injected.partitions, injected.wrong, injected.atMs], ['kill', [0, 1], null, 6_000])
  assert.equal(injected.recoveredMs, 4 * 40, 'looked at every 40 ms')
  assert.deepEqual(at.did, ['kill a', 'start'], 'another worker comes when the others have taken over')
})

test('a stopped worker wakes up after its session, a paused one within it', async () => {
  const after = () => ({ 0: 1e6, 1: 1e6, 2: 1e6 })
  const stopped = scene(after)
  await inject(fault('stop', 0.9), stopped.scene)
  assert.deepEqual(stopped.did, ['SIGSTOP b', 'SIGCONT b'])
  assert.ok(stopped.scene.clock() - 10_000 >= 7_500)
  const paused = scene(after)
  await inject(fault('pause'), paused.scene)
  assert.deepEqual(paused.did, ['SIGSTOP a', 'SIGCONT a'])
  assert.ok(paused.scene.clock() - 10_000 < 6_000)
})

test('only its own worker is cut off, and a rebalance concerns every partition', async () => {
  const after = () => ({ 0: 1e6, 1: 1e6, 2: 1e6 })
  const cut = scene(after)
  await inject(fault('cut', 0.5), cut.scene)
  assert.deepEqual(cut.did, ['cut app b'])
  const rebalance = scene(after)
  const { partitions, pid } = await inject(fault('rebalance'), rebalance.scene)
  assert.deepEqual(
    [partitions, rebalance.did],
    [
      [0, 1, 2],
      ['start', 'stop new1'],
    ],
  )
  assert.equal(pid, 'n'.charCodeAt(0))
})

test('the only worker is replaced, or woken, without waiting for others to take over', async () => {
  for (const kind of ['kill', 'stop'] as const) {
    let done = false
    const at = scene(() => (done ? { 0: 1e6, 1: 1e6, 2: 1e6 } : { 2: 0 }))
    at.scene.team.members.splice(1)
    at.did.push = (...what: string[]) => {
      done ||= what.some((each) => each === 'start' || each === 'SIGCONT a')
      return Array.prototype.push.apply(at.did, what)
    }
    const { recoveredMs } = await inject(fault(kind), at.scene)
    assert.ok(recoveredMs !== null && recoveredMs < 10_000, `${kind}: ${recoveredMs}`)
  }
})

test('a worker that does not stop as asked is told, and a line that stands still has no recovery', async () => {
  const at = scene(() => ({ 2: 0 }))
  const { wrong, recoveredMs } = await inject(fault('restart', 0.5), at.scene)
  assert.match(wrong ?? '', /exited with 3/)
  assert.equal(recoveredMs, null)
})

test('a line that is slow is waited for as long as it moves, and one of the partitions that stands still is not hidden by another', async () => {
  const startMs = 10_000
  // A record every ten seconds: four minutes until what was sent after the fault is stored.
  const slow = scene(() => ({ 2: 276 + Math.floor((slow.scene.clock() - startMs) / 10_000) }))
  const { recoveredMs } = await inject(fault('restart', 0.5), slow.scene)
  assert.ok(recoveredMs !== null && recoveredMs > 240_000, `${recoveredMs}`)
  const half = scene(() => ({ 0: 10, 1: Math.floor((half.scene.clock() - startMs) / 10_000) }))
  const injected = await inject(fault('pause'), half.scene)
  assert.equal(injected.recoveredMs, null)
  assert.ok(half.scene.clock() - startMs < 300_000, 'given up when one of them has stood for two minutes')
})

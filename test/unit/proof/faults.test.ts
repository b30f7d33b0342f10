import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULT_KINDS, type InjectedFault, plannedFaults, recoveries } from '../../../src/proof/faults.ts'

function first(seed: number, count: number) {
  const plan = plannedFaults(seed)
  return Array.from({ length: count }, () => plan.next().value)
}

test('the same seed plans the same faults, another seed others', () => {
  assert.deepEqual(first(7, 60), first(7, 60))
  assert.notDeepEqual(first(7, 60), first(8, 60))
})

test('every round has each kind once, so a proof that is long enough has all of them', () => {
  for (let seed = 0; seed < 50; seed++) {
    const kinds = first(seed, 2 * FAULT_KINDS.length).map(({ kind }) => kind)
    assert.deepEqual(kinds.slice(0, FAULT_KINDS.length).sort(), [...FAULT_KINDS].sort())
    assert.deepEqual(kinds.slice(FAULT_KINDS.length).sort(), [...FAULT_KINDS].sort())
  }
})

const fault = (kind: InjectedFault['kind'], recoveredMs: number | null): InjectedFault => ({
  kind,
  atMs: 0,
  pid: 1,
  partitions: [0],
  recoveredMs,
  wrong: null,
})

test('recovery is told by kind, by nearest rank, and never made better by what did not recover', () => {
  const faults = Array.from({ length: 20 }, (_, i) => fault('kill', 100 * (i + 1)))
  assert.deepEqual(recoveries([...faults.toReversed(), fault('stop', null), fault('cut', 5.4)]), {
    kill: { count: 20, p50: 1000, p95: 1900, max: 2000 },
    cut: { count: 1, p50: 5, p95: 5, max: 5 },
  })
})

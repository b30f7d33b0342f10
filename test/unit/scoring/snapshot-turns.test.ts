import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SnapshotTurns } from '../../../src/scoring/snapshot-turns.ts'

/** Who takes its snapshot in each batch, of those that are due in it. */
function takers(batches: readonly (readonly number[])[]): number[][] {
  const turns = new SnapshotTurns()
  return batches.map((due, batch) => due.filter((partition) => turns.takes(partition, batch)))
}

it('one partition takes its snapshot in a batch, and each gets its turn though all are always due', () => {
  const all = [0, 1, 2, 3]
  assert.deepEqual(takers([all, all, all, all, all, all]), [[0], [1], [2], [3], [0], [1]])
})

it('a partition that has nothing to tell any more keeps nobody waiting for longer than a batch', () => {
  assert.deepEqual(takers([[0, 1], [0], [0], [0, 1]]), [[0], [], [0], [0]])
})

it('a partition alone takes one whenever it is due', () => {
  assert.deepEqual(takers([[5], [5], [], [5]]), [[5], [5], [], [5]])
})

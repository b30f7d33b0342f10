import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import {
  coresBusySince,
  cpuSecondsOf,
  type ProcessStat,
  parseMachineStat,
  parseStat,
  statOf,
  treeCpuSeconds,
  treeOf,
} from '../../../src/bench/process-usage.ts'

const LINE =
  '4711 (postgres: a) b) S 42 4711 4711 0 -1 4194304 1 2 3 4 150 50 700 100 20 0 1 0 555 1000 200 18446744073709551615 0 0'

test('a line of /proc/PID/stat is read although the command holds blanks and parentheses', () => {
  assert.deepEqual(parseStat(LINE), {
    pid: 4711,
    parent: 42,
    command: 'postgres: a) b',
    ownSeconds: 2,
    reapedSeconds: 8,
  })
  assert.equal(parseStat('no line of it'), null)
})

test('a tree is a process and all that descend from it, and its time holds that of children that ended', () => {
  const each = (pid: number, parent: number): ProcessStat => ({
    pid,
    parent,
    command: 'x',
    ownSeconds: pid,
    reapedSeconds: 0.5,
  })
  const all = [each(1, 0), each(5, 3), each(2, 1), each(3, 2), each(4, 1)]
  const tree = treeOf(2, all)
  assert.deepEqual(
    tree.map(({ pid }) => pid),
    [2, 3, 5],
  )
  assert.equal(cpuSecondsOf(tree), 2 + 3 + 5 + 3 * 0.5)
  assert.deepEqual(treeOf(99, all), [])
})

test('this very process is found, with the time it used', { skip: statOf(process.pid) === null && 'no /proc' }, () => {
  const before = treeCpuSeconds(process.pid) ?? Number.NaN
  for (const end = process.cpuUsage().user + 60_000; process.cpuUsage().user < end; );
  const used = (treeCpuSeconds(process.pid) ?? Number.NaN) - before
  assert.ok(used >= 0.04, `${used} s`)
})

test('what the machine is busy with leaves out idle cores, waits for disks and what the host took', () => {
  const text =
    'cpu  100 10 20 700 50 5 15 100 3 0\ncpu0 50 5 10 350 25 3 7 50 0 0\ncpu1 50 5 10 350 25 2 8 50 0 0\nintr 1 2\n'
  assert.deepEqual(parseMachineStat(text), { busySeconds: 1.5, allSeconds: 10, cores: 2 })
  assert.equal(parseMachineStat('btime 1'), null)
})

test('a process that works keeps about a core busy, or more where others work too', async () => {
  const busy = coresBusySince()
  const end = performance.now() + 300
  while (performance.now() < end) Math.sqrt(end)
  const cores = busy()
  assert.ok(cores === null || (cores > 0 && cores <= availableParallelism() + 0.01), `${cores}`)
})

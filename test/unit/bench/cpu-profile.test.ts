import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CpuProfile, hotspots, hotspotsTable, within } from '../../../src/bench/cpu-profile.ts'

const node = (id: number, functionName: string, url: string) => ({
  id,
  callFrame: { functionName, url, lineNumber: 4 },
})
const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', ''),
    node(2, 'normalize', 'file:///x/src/normalize/record.ts'),
    node(3, 'query', 'file:///x/node_modules/@scope/driver/lib/query.js'),
    node(4, '(garbage collector)', ''),
    node(5, '(idle)', ''),
    node(6, '', 'node:net'),
    node(7, 'parse', ''),
    node(8, 'cut', 'file:///x/dist/normalize/json/text.js'),
  ],
  samples: [2, 3, 4, 5, 6, 7, 8],
  timeDeltas: [30, 20, 15, 9_000, 10, 5, 20],
  startTime: 1_000,
}

test('time is told by area and by function, and waiting is none of it', () => {
  const { areas, functions } = hotspots(profile)
  assert.deepEqual(
    areas.map(({ name, share }) => [name, Math.round(share * 100)]),
    [
      ['src/normalize', 50],
      ['@scope/driver', 20],
      ['garbage collection', 15],
      ['Node', 10],
      ['V8 and built-in functions', 5],
    ],
  )
  assert.equal(functions[0]?.name, 'normalize, normalize/record:5')
  assert.match(hotspotsTable({ areas, functions }, 8), /\| src\/normalize \| 50\.0 % \| 4\.00 \|/)
})

test('a part of a profile is cut out by the clock', () => {
  const { samples, timeDeltas } = within(profile, 1_050, 10_075)
  assert.deepEqual(samples, [3, 4, 5])
  assert.deepEqual(timeDeltas, [20, 15, 9_000])
})

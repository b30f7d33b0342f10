import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flameGraph, flameOf } from '../../../bench/flame-graph.ts'
import type { CpuProfile } from '../../../src/bench/cpu-profile.ts'

const node = (id: number, functionName: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url: id > 1 ? `file:///app/f${id}.js` : '', lineNumber: 9 },
  children,
})
const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', [2, 4, 5]),
    node(2, 'outer', [3]),
    node(3, '</script><b>'),
    node(4, '(idle)'),
    node(5, 'never'),
  ],
  samples: [2, 3, 3, 4, 1],
  timeDeltas: [10, 20, 30, 1_000, 5],
  startTime: 0,
}

test('a frame is as wide as its own samples and those below it; waiting is no work', () => {
  const flame = flameOf(profile)
  assert.equal(flame.value, 65)
  assert.deepEqual(
    flame.children.map(({ value }) => value),
    [60],
  )
  assert.equal(flame.children[0]?.children[0]?.value, 50)
  assert.match(flame.children[0]?.name ?? '', /^outer .*f2\.js:10$/)
})

test('the page carries all it needs, and no name in a profile can end its script', () => {
  const html = flameGraph(profile)
  assert.doesNotMatch(html, /<script[^>]+src=|<link/)
  assert.equal(html.match(/<\/script>/g)?.length, html.match(/<script>/g)?.length)
  assert.ok(html.includes('\\u003c/script>\\u003cb>'))
})

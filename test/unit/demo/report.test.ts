import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inLines, printable } from '../../../src/demo/report.ts'

test('a sentence that is too long for a line goes on in the next one, and no word of it is lost', () => {
  const why =
    'INFO with a latency of 5,770 ms: an anomaly by the fixed rules, since too few logs of this service are known'
  const lines = inLines(why, 60)
  assert.ok(lines.length === 2 && lines.every((line) => line.length <= 60), lines.join('|'))
  assert.equal(lines.join(' '), why)
  assert.deepEqual(inLines(`a ${'b'.repeat(9)} c`, 4), ['a', 'b'.repeat(9), 'c'])
})

test('what a message holds cannot steer the terminal', () => {
  assert.equal(printable('a\u001b[2Jb\nc', 20), 'a [2Jb c')
  assert.equal(printable('abcdef', 4), 'abc…')
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { withDemo } from '../../scripts/demo-block.ts'
import { report } from '../../src/demo/report.ts'
import { REJECT_REASONS } from '../../src/log.ts'

const readme = readFileSync(join(resolve(import.meta.dirname, '../..'), 'README.md'), 'utf8')
const block = readme.slice(readme.indexOf('<!-- demo:begin -->'), readme.indexOf('<!-- demo:end -->'))

/** The first words of the summary's rows. */
function labels(text: string): string[] {
  return [...text.matchAll(/^ *([a-z][a-z ]{2,14}?) {2,}\S/gm)].map((match) => match[1] ?? '')
}

test("the README's demo is the output of a run of this program, with nothing lost and nothing twice", () => {
  const none = { p50: 1, p99: 2 }
  const printed = report(
    {
      produced: 1,
      stored: 1,
      skipped: 0,
      lost: 0,
      duplicates: 0,
      dead_letters: {},
      anomalies: 0,
      top: [],
      check: {
        incidents: [{ kind: 'error_burst', service: 's', from: '', to: '', severity: 1, anomalies: 0, found: false }],
        foundByChance: 0,
        anomaliesInside: 0,
      },
    },
    { logsPerSecond: 1, ageMs: none, undisturbedAgeMs: none, behindMs: 1 },
  )
  const expected = labels(stripVTControlCharacters(printed))
  assert.ok(expected.length >= 10, String(expected))
  for (const label of expected) assert.ok(labels(block).includes(label), `${label}: run npm run docs -- --demo`)
  assert.match(block, /none lost, none twice/)
  assert.match(block, /killed with SIGKILL/)
  for (const reason of REJECT_REASONS.filter((each) => each !== 'refused_by_database'))
    assert.ok(block.includes(reason), reason)
})

test('a run replaces the block and nothing else', () => {
  const text = 'a\n<!-- demo:begin -->\nold\n<!-- demo:end -->\nb\n'
  assert.equal(
    withDemo(text, 'one\n\ntwo'),
    'a\n<!-- demo:begin -->\n\n    $ npm run demo\n    one\n\n    two\n\n<!-- demo:end -->\nb\n',
  )
  assert.throws(() => withDemo('nothing here', 'x'), /demo:begin/)
})

test('the nouns and the line are read in a few minutes: under 250 lines together', () => {
  const root = resolve(import.meta.dirname, '../..')
  const lines = ['log.ts', 'pipeline.ts'].flatMap((file) =>
    readFileSync(join(root, 'src', file), 'utf8')
      .trimEnd()
      .split('\n'),
  )
  assert.ok(lines.length < 250, `${lines.length} lines`)
})

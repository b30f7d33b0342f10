/** docs/operations.md names what there is: the audit's differences, the commands and their options. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { DIFFERENCES } from '../../src/audit/differences.ts'
import { SETTINGS } from '../../src/config/settings.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')

function help(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'src/main.ts'), ...words, '--help'], {
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return stdout
}

test('the table of differences is the one in the code', () => {
  const names = Object.keys(DIFFERENCES)
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (.*) \|$/gm)].map((match) => [match[1], match[2]])
  assert.deepEqual(
    rows.filter(([name]) => names.includes(name ?? '')),
    Object.entries(DIFFERENCES),
  )
})

test('every command line of the dead-letter, audit and prove commands is one that the program takes', () => {
  const lines = page
    .split('\n')
    .filter((line) => /^ {4}.*insighthub-processor\.js (dead-letters|audit|prove)/.test(line))
  assert.ok(lines.length >= 8)
  for (const line of lines) {
    const words = (line.split('insighthub-processor.js ')[1] ?? '').split('#')[0]?.trim().split(/\s+/) ?? []
    const names = words[0] === 'dead-letters' ? words.slice(0, 2) : words.slice(0, 1)
    const text = help(...names)
    for (const option of words.filter((word) => word.startsWith('--')))
      assert.ok(text.includes(option), `${line}: ${option}`)
  }
})

test('every setting that the page names is one', () => {
  const named = [...page.matchAll(/`((?:DEAD_LETTER|MESSAGE|DB|KAFKA)_[A-Z_]+)/g)].map((match) => match[1] ?? '')
  assert.deepEqual(
    named.filter((name) => !Object.hasOwn(SETTINGS, name)),
    [],
  )
})

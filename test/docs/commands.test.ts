/** The README's commands, scripts and links are those that exist, and every command is in the README. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const readmeFile = join(root, 'README.md')
const readme = existsSync(readmeFile) ? readFileSync(readmeFile, 'utf8') : null

/** Names of the subcommands, out of the program's own help. */
function subcommands(...under: string[]): string[] {
  const help = spawnSync(process.execPath, [join(root, 'src/main.ts'), ...under, '--help'], { encoding: 'utf8' })
  assert.equal(help.status, 0, help.stderr)
  const list = help.stdout.split(/^Commands:\n/m)[1] ?? ''
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map((match) => match[1] ?? '').filter((name) => name !== 'help')
}

if (readme !== null) testReadme(readme)

function testReadme(text: string): void {
  test('the table of commands in the README is the command line', () => {
    const rows = text.split('\n').filter((line) => /^\| `[a-z]/.test(line))
    const written = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([a-z-]+)(?: ([a-z]+))?/g)])
    const names = new Set(written.map((match) => match[1] ?? ''))
    assert.deepEqual([...names].sort(), subcommands().sort())
    const letters = written.filter((match) => match[1] === 'dead-letters').map((match) => match[2] ?? '')
    assert.deepEqual(letters.sort(), subcommands('dead-letters').sort())
  })

  test('every npm script that the README or CONTRIBUTING names exists', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const pages = text + readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
    const named = [...pages.matchAll(/npm run ([a-z]+)/g)].map((match) => match[1] ?? '')
    assert.deepEqual(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      [],
    )
  })

  test('every file that the README links to exists', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? '')
    assert.deepEqual(
      links.filter((link) => !existsSync(join(root, link))),
      [],
    )
  })
}

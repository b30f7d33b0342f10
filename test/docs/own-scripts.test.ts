/** The project's own scripts as they are typed: help where it is asked for, a sentence where something is wrong, and pages that name what there is. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const SCRIPTS = {
  chaos: 'test/chaos/run.ts',
  fuzz: 'test/fuzz/run.ts',
  simulate: 'scripts/simulate.ts',
  'bench:peers': 'bench/peers/run.ts',
} as const

function typed(file: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [file, ...args], { cwd: root, encoding: 'utf8' })
}

const optionsIn = (text: string): string[] => [...text.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([option]) => option)

for (const [name, file] of Object.entries(SCRIPTS)) {
  test(`npm run ${name} -- --help tells its options, and the pages name no others`, () => {
    const { status, stdout, stderr } = typed(file, '--help')
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, new RegExp(`^Usage: npm run ${name} -- `))
    const known = new Set(optionsIn(stdout))
    for (const page of [
      'README.md',
      'CONTRIBUTING.md',
      'docs/operations.md',
      'docs/exactly-once.md',
      'docs/mutants.md',
      'docs/benchmarks-peers.md',
      'bench/peers/README.md',
    ]) {
      const text = readFileSync(resolve(root, page), 'utf8')
      for (const [, said = ''] of text.matchAll(new RegExp(`npm run ${name} -- ([^\`\\n]*)`, 'g')))
        for (const option of optionsIn(said)) assert.ok(known.has(option), `${page}: npm run ${name} -- ${said}`)
    }
  })

  test(`npm run ${name} with what it does not know says so in a line`, () => {
    const number = name === 'bench:peers' ? '--rows' : '--seed'
    for (const [args, answer] of [
      [['--nonsense'], /^error: unknown option '--nonsense'\n$/],
      [['nonsense'], /^error: too many arguments/],
      [[number, 'x'], new RegExp(`^error: option '${number} <n>' argument 'x' is invalid. expected a whole number\n$`)],
    ] as const) {
      const { status, stdout, stderr } = typed(file, ...args)
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr, answer)
    }
  })
}

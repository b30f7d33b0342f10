/** Every pitfall and every fault is attacked by something, every tag means one of them, and the mutants' page is about the mutants. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FAULTS, PITFALLS } from '../../scripts/pitfalls.ts'
import { attacks } from '../../scripts/pitfalls-page.ts'
import { MUTANTS } from '../simulation/mutants.ts'

const page = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

test('the pitfalls are 34, the faults 30, and none is without a test', () => {
  const ids = [...PITFALLS, ...FAULTS].map(({ id }) => id)
  const numbered = (letter: string, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)
  assert.deepEqual(ids, [...numbered('P', 34), ...numbered('F', 30)])
  const attacked = new Set(attacks().map(({ tag }) => tag))
  assert.deepEqual(
    ids.filter((id) => !attacked.has(id)),
    [],
  )
})

test('every tag in a title is a pitfall or a fault', () => {
  const ids = new Set([...PITFALLS, ...FAULTS].map(({ id }) => id))
  assert.deepEqual(
    [...new Set(attacks().map(({ tag }) => tag))].filter((tag) => !ids.has(tag)),
    [],
  )
})

test('docs/mutants.md has every mutant once, and each was noticed', () => {
  const rows = page('mutants.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| mutant'))
  const cells = rows.map((line) => line.split('|').map((cell) => cell.trim()))
  assert.deepEqual(
    cells.map(([, name, rule]) => [name, rule]),
    MUTANTS.map(({ name, without }) => [name, without]),
  )
  assert.ok(MUTANTS.length >= 15)
  for (const [, name, , by = '', seeds] of cells) assert.ok(/^I\d+$/.test(by) && Number(seeds) <= 1_000, name)
})

test('every test that docs/exactly-once.md names exists', () => {
  const named = [...page('exactly-once.md').matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map((match) => match[1] ?? '')
  assert.ok(named.length > 5)
  for (const path of named) readFileSync(new URL(`../../${path}`, import.meta.url))
  const rules = [...page('exactly-once.md').matchAll(/mutants? ((?:\*[^*]+\*(?:, | and )?)+)/g)].flatMap(
    ([, list = '']) => [...list.matchAll(/\*([^*]+)\*/g)],
  )
  const names = new Set(MUTANTS.map(({ name }) => name))
  assert.ok(rules.length > 10)
  assert.deepEqual(
    rules.map((match) => match[1] ?? '').filter((name) => !names.has(name)),
    [],
  )
})

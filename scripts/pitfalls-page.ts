/** docs/pitfalls.md: each pitfall and fault with the tests that name it by a tag in their title, `[P7]`, `[F12]`. */
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { MUTANTS } from '../test/simulation/mutants.ts'
import { FAULT_KINDS, FAULTS_OF_KIND } from '../test/simulation/plan.ts'
import { FAULTS, PITFALLS, type Pitfall } from './pitfalls.ts'

const root = resolve(import.meta.dirname, '..')

export interface Attack {
  readonly tag: string
  readonly where: 'test' | 'mutant' | 'simulation' | 'chaos'
  readonly name: string
}

/** A title is the first string after `test(`, `it(`, or whatever a file calls its own. */
const TITLE = /[('"`]((?:\[[PF]\d+\] ?)+)([^'"`\n]+)/g

function tests(): Attack[] {
  const attacks: Attack[] = []
  for (const path of globSync('test/**/*.test.ts', { cwd: root }).sort()) {
    const text = readFileSync(join(root, path), 'utf8')
    for (const [, tags = '', title = ''] of text.matchAll(TITLE))
      for (const [, tag = ''] of tags.matchAll(/\[([PF]\d+)\]/g))
        attacks.push({ tag, where: 'test', name: `${title.replace(/\$\{[^}]*\}/g, '…')} (\`${path}\`)` })
  }
  return attacks
}

function mutants(): Attack[] {
  return MUTANTS.flatMap(({ name, attacks }) => attacks.map((tag): Attack => ({ tag, where: 'mutant', name })))
}

function simulated(): Attack[] {
  return FAULT_KINDS.flatMap((name) => FAULTS_OF_KIND[name].map((tag): Attack => ({ tag, where: 'simulation', name })))
}

/** The faults that `npm run chaos` does to real parts, where it is there. */
function chaos(): Attack[] {
  const files = globSync('test/chaos/*faults.ts', { cwd: root }).sort()
  const text = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
  return [...text.matchAll(/name: '([^']+)',\s+number: '(F\d+)'/g)].map(([, name = '', tag = '']) => ({
    tag,
    where: 'chaos',
    name,
  }))
}

export function attacks(): Attack[] {
  return [...tests(), ...mutants(), ...simulated(), ...chaos()]
}

const MEANS = { test: 'test', mutant: 'mutant', simulation: 'simulated fault', chaos: 'chaos' } as const

function row({ id, what, outcome }: Pitfall, all: readonly Attack[]): string {
  const mine = all.filter(({ tag }) => tag === id)
  const kinds = (['test', 'mutant', 'simulation', 'chaos'] as const).flatMap((where) => {
    const names = [...new Set(mine.filter((each) => each.where === where).map(({ name }) => name))]
    return names.length === 0 ? [] : [`${MEANS[where]}: ${names.join('; ')}`]
  })
  const only = mine.length > 0 && mine.every(({ where }) => where === 'simulation' || where === 'mutant')
  const found = kinds.length === 0 ? 'nothing yet' : `${kinds.join('<br>')}${only ? '<br>*simulated only*' : ''}`
  return `| ${id} | ${what} | ${outcome} | ${found.replaceAll('|', '\\|')} |`
}

export function pitfallsPage(): string {
  const all = attacks()
  return [
    '# Pitfalls and faults, and what attacks them',
    '',
    'Made by `npm run docs` from the titles of the tests (`[P7]`, `[F12]`), from the simulation’s faults and mutants and from the faults of',
    '`npm run chaos`. What the product does about each is told in [exactly-once.md](exactly-once.md).',
    '',
    '## Pitfalls of exactly-once',
    '',
    '| | what goes wrong | costs | attacked by |',
    '|---|---|---|---|',
    ...PITFALLS.map((pitfall) => row(pitfall, all)),
    '',
    '## Faults',
    '',
    '| | fault | then | done by |',
    '|---|---|---|---|',
    ...FAULTS.map((fault) => row(fault, all)),
    '',
  ].join('\n')
}

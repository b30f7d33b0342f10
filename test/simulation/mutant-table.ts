/** The table of docs/mutants.md: each rule of the protocol left out, and after how many seeds which invariant noticed. */
import type { Mutant } from './mutants/mutant.ts'
import { MUTANTS } from './mutants.ts'
import { planOf } from './plan.ts'
import { simulate } from './simulate.ts'

/** A mutant that so many seeds don't notice is alive. */
export const SEEDS_MAX = 1_000

export interface Kill {
  readonly seeds: number
  readonly invariant: string
}

/** Null where it lives. */
export async function kill(mutant: Mutant, seedsMax: number = SEEDS_MAX): Promise<Kill | null> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { violation } = await simulate(planOf(seed), mutant)
    if (violation !== null) return { seeds: seed, invariant: violation.invariant }
  }
  return null
}

export async function killMutants(say: (line: string) => void): Promise<{ page: string; alive: string[] }> {
  const rows: string[] = []
  const alive: string[] = []
  for (const mutant of MUTANTS) {
    const killed = await kill(mutant)
    if (killed === null) alive.push(mutant.name)
    const by = killed === null ? 'nothing' : killed.invariant
    say(`${mutant.name}: ${by}, ${killed?.seeds ?? SEEDS_MAX} seeds`)
    rows.push(`| ${mutant.name} | ${mutant.without} | ${by} | ${killed?.seeds ?? SEEDS_MAX} |`)
  }
  return { page: pageOf(rows), alive }
}

function pageOf(rows: readonly string[]): string {
  return [
    '# Mutants',
    '',
    'Written by `npm run simulate -- --mutants`. Each row is the simulation of [exactly-once.md](exactly-once.md) with one rule of the',
    'protocol left out on purpose. A simulation that did not notice would prove nothing about that rule. The last columns say which',
    'invariant failed first, and in how many seeds from 1 on. `npm test -- simulation` kills every one of them again.',
    '',
    '| mutant | the rule that it leaves out | noticed by | seeds |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

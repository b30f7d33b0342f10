/** A rule whose removal nothing notices is not tested. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kill, SEEDS_MAX } from './mutant-table.ts'
import { MUTANTS } from './mutants.ts'

for (const mutant of MUTANTS) {
  test(`without the rule "${mutant.without}" (${mutant.name}) an invariant fails within ${SEEDS_MAX} seeds`, async (context) => {
    const killed = await kill(mutant)
    assert.ok(killed !== null, 'no seed notices')
    context.diagnostic(`${killed.invariant} after ${killed.seeds} seeds`)
  })
}

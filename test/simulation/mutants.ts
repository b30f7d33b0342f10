/**
 * Rules of the protocol, each left out on purpose: what a test must notice. They take hold of the seams between the product and
 * the simulated world, or of one method of the product while a run lasts; the product itself has no such switches.
 */
import { MUTANTS_IN_KAFKA } from './mutants/in-kafka.ts'
import { MUTANTS_IN_MEMORY } from './mutants/in-memory.ts'
import { MUTANTS_IN_THE_DATABASE } from './mutants/in-the-database.ts'
import type { Mutant } from './mutants/mutant.ts'

export const MUTANTS: readonly Mutant[] = [...MUTANTS_IN_THE_DATABASE, ...MUTANTS_IN_KAFKA, ...MUTANTS_IN_MEMORY]

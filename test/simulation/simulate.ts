/** One seed from beginning to end, in a process that may be anybody's: everything taken hold of is let go of again. */
import { installLightAbort } from './light-abort.ts'
import type { Mutant } from './mutants/mutant.ts'
import type { Plan } from './plan.ts'
import { Violation } from './violation.ts'
import { type Mutation, type Outcome, UNCHANGED, World } from './world.ts'

export async function simulate(
  plan: Plan,
  mutation: Mutation & Pick<Mutant, 'install'> = UNCHANGED,
  tell: ((line: string) => void) | null = null,
): Promise<Outcome> {
  const restoreAbort = installLightAbort()
  const restoreMethod = mutation.install?.()
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const unhandled: unknown[] = []
  const hear = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', hear)
  try {
    const outcome = await new World(plan, mutation, tell).run()
    if (outcome.violation !== null || unhandled.length === 0) return outcome
    return { ...outcome, violation: new Violation('unhandled rejection', String(unhandled[0])) }
  } finally {
    process.removeListener('unhandledRejection', hear)
    Error.stackTraceLimit = stackTraceLimit
    restoreMethod?.()
    restoreAbort()
  }
}

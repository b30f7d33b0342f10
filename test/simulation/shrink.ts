/** A failing plan made smaller: faults and productions left out, ever fewer, for as long as the same invariant fails. */
import type { Plan } from './plan.ts'
import { simulate } from './simulate.ts'

const RUNS_MAX = 400

type Fails = (plan: Plan) => Promise<string | null>

const failsBySimulation: Fails = async (plan) => (await simulate(plan)).violation?.invariant ?? null

/** The smallest plan found; the plan itself where it does not fail. */
export async function shrink(plan: Plan, fails: Fails = failsBySimulation): Promise<Plan> {
  const invariant = await fails(plan)
  if (invariant === null) return plan
  let runs = 0
  const still = async (smaller: Plan): Promise<boolean> => ++runs < RUNS_MAX && (await fails(smaller)) === invariant
  const faults = await fewer(plan.faults, (some) => still({ ...plan, faults: some }))
  const productions = await fewer(plan.productions, (some) => still({ ...plan, faults, productions: some }))
  return { ...plan, faults: await fewer(faults, (some) => still({ ...plan, faults: some, productions })), productions }
}

/** Leaves out halves, quarters, ... single ones, until each that is left is needed. */
async function fewer<T>(all: readonly T[], fails: (some: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
  let kept = all
  for (let size = Math.ceil(kept.length / 2); size >= 1; ) {
    const before = kept.length
    for (let at = 0; at < kept.length; ) {
      const some = [...kept.slice(0, at), ...kept.slice(at + size)]
      if (await fails(some)) kept = some
      else at += size
    }
    // One that was needed may not be any more without those behind it.
    if (size > 1) size = Math.ceil(size / 2)
    else if (kept.length === before) break
  }
  return kept
}

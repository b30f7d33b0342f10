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

/** Leaves out halves, quarters, ... single ones. */
async function fewer<T>(all: readonly T[], fails: (some: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
  let kept = all
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length; ) {
      const some = [...kept.slice(0, at), ...kept.slice(at + size)]
      if (await fails(some)) kept = some
      else at += size
    }
  }
  return kept
}

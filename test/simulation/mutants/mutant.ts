/** What a mutant is: a world whose product has forgotten one rule. */
import { type Mutation, UNCHANGED } from '../world.ts'

export interface Mutant extends Mutation {
  readonly name: string
  /** The rule that is left out. */
  readonly without: string
  /** Pitfalls of docs/pitfalls.md that leaving it out falls into. */
  readonly attacks: readonly string[]
  /** Takes hold of a method of the product; returns what lets go of it. */
  readonly install?: () => () => void
}

/** Nothing but some seams replaced. */
export function seams(of: Mutation['seams']): Mutation {
  return { ...UNCHANGED, seams: of }
}

/** A method of the product replaced for as long as a run lasts. */
export function method<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (real: T[K]) => T[K],
): () => () => void {
  return () => {
    const real = prototype[name]
    prototype[name] = make(real)
    return () => {
      prototype[name] = real
    }
  }
}

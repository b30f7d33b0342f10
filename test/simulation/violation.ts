/** An invariant of docs/exactly-once.md that does not hold, and where. */
export class Violation extends Error {
  readonly invariant: string
  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`)
    this.invariant = invariant
  }
}

export function fail(invariant: string, message: string): never {
  throw new Violation(invariant, message)
}

/**
 * The simple rival that a detector has to beat: each latency against mean and deviation of those before it with the same key.
 * Learns after it has judged. Bad at everything that is not one number: levels, new messages, rates.
 */
const KNOWN_MIN = 10

export class ExpandingZ {
  readonly #known = new Map<string, { count: number; mean: number; squares: number }>()

  /** Deviations above the usual; 0 while there are ten values or fewer. */
  judge(key: string, value: number): number {
    let known = this.#known.get(key)
    if (known === undefined) {
      known = { count: 0, mean: 0, squares: 0 }
      this.#known.set(key, known)
    }
    const deviation = Math.sqrt(known.squares / Math.max(1, known.count - 1))
    const z = known.count > KNOWN_MIN && deviation > 0 ? (value - known.mean) / deviation : 0
    known.count++
    const difference = value - known.mean
    known.mean += difference / known.count
    known.squares += difference * (value - known.mean)
    return z
  }
}

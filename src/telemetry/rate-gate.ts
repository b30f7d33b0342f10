/** Keeps the service's own log smaller than the logs that it processes. */

/** Tells whether at most `perSecondMax` things happened within the last second. */
export class RateGate {
  readonly #perSecondMax: number
  readonly #clock: () => number
  #seen: { atMs: number; count: number }[] = []
  #total = 0

  constructor(perSecondMax: number, clock: () => number) {
    this.#perSecondMax = perSecondMax
    this.#clock = clock
  }

  add(count: number): void {
    this.#seen.push({ atMs: this.#clock(), count })
    this.#total += count
    this.#forget()
  }

  get open(): boolean {
    this.#forget()
    return this.#total <= this.#perSecondMax
  }

  #forget(): void {
    const horizon = this.#clock() - 1000
    let gone = 0
    for (const each of this.#seen) {
      if (each.atMs > horizon) break
      this.#total -= each.count
      gone++
    }
    if (gone > 0) this.#seen = this.#seen.slice(gone)
  }
}

const KINDS_MAX = 500

interface Repeated {
  printedAtMs: number
  held: number
  line: string
}

/** One line per kind per interval; those held back come out later as one line with their number. Remembers 500 kinds. */
export class RepeatGate {
  readonly #intervalMs: number
  readonly #clock: () => number
  readonly #kinds = new Map<string, Repeated>()

  constructor(intervalMs: number, clock: () => number) {
    this.#intervalMs = intervalMs
    this.#clock = clock
  }

  /** The line to print now, or null when it is held back. */
  pass(kind: string, line: string): string | null {
    const known = this.#kinds.get(kind)
    const nowMs = this.#clock()
    if (known !== undefined && nowMs - known.printedAtMs < this.#intervalMs) {
      known.held++
      known.line = line
      return null
    }
    const held = known?.held ?? 0
    if (known === undefined && this.#kinds.size >= KINDS_MAX) this.#kinds.clear()
    this.#kinds.set(kind, { printedAtMs: nowMs, held: 0, line })
    return counted(line, held + 1)
  }

  /** The last line of every kind that was held back and is due; those of the kinds that `early` names, due or not. */
  due(early: (kind: string) => boolean = () => false): { kind: string; line: string }[] {
    const nowMs = this.#clock()
    const lines: { kind: string; line: string }[] = []
    for (const [kind, each] of this.#kinds) {
      if (each.held === 0 || (!early(kind) && nowMs - each.printedAtMs < this.#intervalMs)) continue
      lines.push({ kind, line: counted(each.line, each.held) })
      each.held = 0
      each.printedAtMs = nowMs
    }
    return lines
  }
}

function counted(line: string, times: number): string {
  return times === 1 ? line : `${line} (${times} times)`
}

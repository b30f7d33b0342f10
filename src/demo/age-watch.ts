/** Ages at commit over the life of the demo: of every log, and apart from them those of the time that the kill disturbed. */
import { type AgeMs, ageMs, type Buckets, bucketsOf, since, sum } from './age.ts'
import type { WorkerProcess } from './worker-process.ts'

const AGE_METRIC = 'insighthub_age_at_commit_seconds'

export interface Ages {
  readonly ageMs: AgeMs
  readonly undisturbedAgeMs: AgeMs
  /** From the kill until the others had caught up; null where nobody was killed or nobody caught up. */
  readonly behindMs: number | null
}

/** A worker that does not answer has no ages: the percentiles are of the others. */
async function read(workers: readonly WorkerProcess[]): Promise<Buckets> {
  const pages = await Promise.all(workers.map((worker) => worker.metrics().catch(() => '')))
  return sum(pages.map((page) => bucketsOf(page, AGE_METRIC)))
}

export class AgeWatch {
  readonly #clock: () => number
  #ofTheDead: Buckets = new Map()
  #beforeKill: Buckets | null = null
  #killed: { readonly atMs: number; readonly nextOffsets: ReadonlyMap<number, number> } | null = null
  #caughtUp: { readonly buckets: Buckets; readonly atMs: number } | null = null

  /** A monotonic clock, in ms. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** True from the kill until `caughtUp` was told. */
  get behind(): boolean {
    return this.#killed !== null && this.#caughtUp === null
  }

  /** Every partition has gone on since the kill. */
  isTakenOver(nextOffsets: ReadonlyMap<number, number>): boolean {
    return [...(this.#killed?.nextOffsets ?? [])].every(([part, offset]) => (nextOffsets.get(part) ?? 0) > offset)
  }

  /** Just before the victim dies. */
  async killing(victim: WorkerProcess, others: readonly WorkerProcess[]): Promise<void> {
    this.#ofTheDead = await read([victim])
    this.#beforeKill = sum([this.#ofTheDead, await read(others)])
  }

  /** Just after, with the positions in the ledger. */
  killed(nextOffsets: ReadonlyMap<number, number>): void {
    this.#killed = { atMs: this.#clock(), nextOffsets }
  }

  async caughtUp(workers: readonly WorkerProcess[]): Promise<void> {
    const atMs = this.#clock()
    this.#caughtUp = { buckets: await read(workers), atMs }
  }

  async finish(workers: readonly WorkerProcess[]): Promise<Ages> {
    const last = await read(workers)
    const all = ageMs(sum([this.#ofTheDead, last]))
    if (this.#beforeKill === null || this.#killed === null) return { ageMs: all, undisturbedAgeMs: all, behindMs: null }
    const afterwards = this.#caughtUp === null ? [] : [since(last, this.#caughtUp.buckets)]
    return {
      ageMs: all,
      undisturbedAgeMs: ageMs(sum([this.#beforeKill, ...afterwards])),
      behindMs: this.#caughtUp === null ? null : Math.round(this.#caughtUp.atMs - this.#killed.atMs),
    }
  }
}

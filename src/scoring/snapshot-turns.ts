/**
 * One snapshot a batch, so that a batch never waits for those of many partitions: they become due together, since event time passes for
 * all of them. Who was refused longest comes next, as long as it still asks.
 */
export class SnapshotTurns {
  /** Partitions refused, the one that waits longest first. */
  readonly #waiting = new Set<number>()
  /** Those that asked since the batch began. */
  readonly #asked = new Set<number>()
  #taken = false
  #asking = false

  /** Another batch is scored; may be told several times of one. */
  batch(): void {
    if (!this.#asking) return
    this.#asking = false
    this.#taken = false
    for (const partition of this.#waiting) if (!this.#asked.has(partition)) this.#waiting.delete(partition)
    this.#asked.clear()
  }

  /** Asked once a batch by each partition whose snapshot is due: may it be taken now? */
  takes(partition: number): boolean {
    this.#asking = true
    this.#asked.add(partition)
    const [first = partition] = this.#waiting
    if (this.#taken || first !== partition) {
      this.#waiting.add(partition)
      return false
    }
    this.#waiting.delete(partition)
    this.#taken = true
    return true
  }
}

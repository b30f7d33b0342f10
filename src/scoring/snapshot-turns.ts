/**
 * One snapshot a batch, so that a batch never waits for those of many partitions: they become due together, since event time passes for
 * all of them. Who was refused longest comes next, as long as it still asks. Of one lane: the batches of another have other partitions,
 * and these would be taken for some that do not ask any more.
 */
export class SnapshotTurns {
  /** Partitions refused, the one that waits longest first. */
  readonly #waiting = new Set<number>()
  /** Those that asked since the batch began. */
  readonly #asked = new Set<number>()
  #batch = -1
  #taken = false

  /** Asked once a batch (any number that no other of the lane has) by each partition whose snapshot is due: may it be taken now? */
  takes(partition: number, batch: number): boolean {
    if (batch !== this.#batch) this.#begin(batch)
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

  #begin(batch: number): void {
    this.#batch = batch
    this.#taken = false
    for (const partition of this.#waiting) if (!this.#asked.has(partition)) this.#waiting.delete(partition)
    this.#asked.clear()
  }
}

/** Batches that were yielded and not settled, in the order of their lanes. */
import type { RawRecord } from '../log.ts'
import type { RawBatch } from '../pipeline.ts'

export class HandedOut {
  #batches: { readonly batch: RawBatch; readonly held: number }[] = []
  #heldBytes = 0

  get count(): number {
    return this.#batches.length
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  push(batch: RawBatch, held: number): void {
    this.#batches.push({ batch, held })
    this.#heldBytes += held
  }

  /** False when it is not there. */
  remove(batch: RawBatch): boolean {
    const found = this.#batches.find((each) => each.batch === batch)
    if (found === undefined) return false
    this.#batches = this.#batches.filter((each) => each !== found)
    this.#heldBytes -= found.held
    return true
  }

  /** Batches of a lane. */
  inLane(lane: number): number {
    let count = 0
    for (const { batch } of this.#batches) if (batch.lane === lane) count++
    return count
  }

  /** Ranges of a partition, of whatever assignment. */
  ranges(partition: number): number {
    let count = 0
    for (const { batch } of this.#batches) for (const range of batch.ranges) if (range.partition === partition) count++
    return count
  }

  /** The first record of a partition at or after an offset. */
  oldestRecord(partition: number, offset: number): RawRecord | null {
    for (const { batch } of this.#batches) {
      const range = batch.ranges.find((each) => each.partition === partition && each.to > offset)
      for (const record of range?.records ?? []) if (record.offset >= offset) return record
    }
    return null
  }
}

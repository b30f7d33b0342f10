/**
 * Which batches of one fetched partition belong to aborted transactions, decided as Kafka's Java consumer does: a producer
 * counts as aborting from the first offset that the broker lists for it to its next abort marker, and may do so repeatedly.
 * (The client library's own filter remembers one range a producer and delivers aborted records.)
 */
import { isAbortMarker, type RecordBatch } from './record-batch.ts'
import type { FetchedPartition } from './transport.ts'

export class ReadCommitted {
  readonly #pending: FetchedPartition['abortedTransactions']
  readonly #aborting = new Set<bigint>()
  #next = 0

  constructor(aborted: FetchedPartition['abortedTransactions']) {
    this.#pending = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Told every batch, in order: true where none of its offsets holds a record that a reader may see. */
  hides(batch: RecordBatch): boolean {
    for (let next = this.#pending[this.#next]; next !== undefined && next.firstOffset <= batch.lastOffset; ) {
      this.#aborting.add(next.producerId)
      next = this.#pending[++this.#next]
    }
    if (batch.isControl) {
      if (this.#aborting.has(batch.producerId) && isAbortMarker(batch)) this.#aborting.delete(batch.producerId)
      return true
    }
    return batch.isTransactional && this.#aborting.has(batch.producerId)
  }
}

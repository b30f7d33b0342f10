/** What a partition remembers of its idempotent producers: enough to recognise a batch sent twice, or one that is missing. */
import { ERROR } from './error-codes.ts'

const BATCHES_REMEMBERED = 5
const PRODUCERS_MAX = 10_000
const SEQUENCES = 2 ** 31

export interface Sequenced {
  readonly producerId: number
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly records: number
}
export type Judgement =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly baseOffset: number }
  | { readonly kind: 'refuse'; readonly errorCode: number }

interface ProducerState {
  readonly epoch: number
  readonly recent: { readonly firstSequence: number; readonly records: number; readonly baseOffset: number }[]
}

export class ProducerStates {
  readonly #states = new Map<number, ProducerState>()

  judge(batch: Sequenced): Judgement {
    if (batch.producerId < 0) return { kind: 'append' }
    const state = this.#states.get(batch.producerId)
    if (state === undefined) return { kind: 'append' }
    if (batch.producerEpoch < state.epoch) return { kind: 'refuse', errorCode: ERROR.INVALID_PRODUCER_EPOCH }
    if (batch.producerEpoch > state.epoch) {
      return batch.firstSequence === 0 ? { kind: 'append' } : { kind: 'refuse', errorCode: ERROR.OUT_OF_ORDER_SEQUENCE }
    }
    const known = state.recent.find(
      (each) => each.firstSequence === batch.firstSequence && each.records === batch.records,
    )
    if (known !== undefined) return { kind: 'duplicate', baseOffset: known.baseOffset }
    const last = state.recent.at(-1)
    const expected = last === undefined ? 0 : (last.firstSequence + last.records) % SEQUENCES
    return batch.firstSequence === expected
      ? { kind: 'append' }
      : { kind: 'refuse', errorCode: ERROR.OUT_OF_ORDER_SEQUENCE }
  }

  appended(batch: Sequenced, baseOffset: number): void {
    if (batch.producerId < 0) return
    const before = this.#states.get(batch.producerId)
    const state = before?.epoch === batch.producerEpoch ? before : { epoch: batch.producerEpoch, recent: [] }
    state.recent.push({ firstSequence: batch.firstSequence, records: batch.records, baseOffset })
    if (state.recent.length > BATCHES_REMEMBERED) state.recent.shift()
    this.#states.delete(batch.producerId) // so that the map's order is the order of use
    this.#states.set(batch.producerId, state)
    if (this.#states.size <= PRODUCERS_MAX) return
    for (const oldest of this.#states.keys()) {
      this.#states.delete(oldest)
      return
    }
  }
}

/** The store: a few lanes, each one connection and one transaction a batch. */
import type { CommitOutcome, ReadyBatch, Store } from '../pipeline.ts'
import { type FlushWorld, flush } from './flush.ts'
import { Lane, type LaneOptions } from './lane.ts'
import { sqlMessage } from './sql-errors.ts'

export interface LogStoreOptions extends LaneOptions {
  /** Connections that write; two are best on two cores. */
  readonly lanes: number
  readonly sleep: FlushWorld['sleep']
  readonly random: () => number
  /** Ends endless retries: the stop's deadline has passed. */
  readonly signal: AbortSignal
}

export type StoreState =
  | { readonly kind: 'connecting' | 'ready' }
  | { readonly kind: 'retrying' | 'refused'; readonly reason: string }

export class LogStore implements Store {
  readonly #lanes: readonly Lane[]
  readonly #world: FlushWorld
  #state: StoreState = { kind: 'connecting' }

  constructor(options: LogStoreOptions) {
    this.#lanes = Array.from({ length: options.lanes }, () => new Lane(options))
    const { events, sleep, random, signal } = options
    const found: FlushWorld['found'] = (kind, error) => {
      this.#state = kind === 'ready' ? { kind } : { kind, reason: sqlMessage(error) }
    }
    this.#world = { events, sleep, random, signal, found }
  }

  get state(): StoreState {
    return this.#state
  }

  /** Connects every lane; rejects with the database's error. */
  async open(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.open()))
    this.#state = { kind: 'ready' }
  }

  async commit(batch: ReadyBatch): Promise<CommitOutcome[]> {
    const lane = this.#lanes[batch.lane]
    if (lane === undefined) throw new RangeError(`there is no lane ${batch.lane}`)
    return await flush(batch.ranges, lane, this.#world)
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()))
  }
}

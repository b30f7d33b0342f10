/** The store: batches shared out over a few lanes, each lane one connection and one transaction a batch. */
import type { CommitOutcome, PartitionRange, ReadyBatch, ReadyRange, Store } from '../pipeline.ts'
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
    const shares = new Map<Lane, ReadyRange[]>()
    for (const ready of batch.ranges) {
      const lane = this.#laneOf(ready.range)
      const share = shares.get(lane)
      if (share === undefined) shares.set(lane, [ready])
      else share.push(ready)
    }
    const settled = await Promise.all([...shares].map(([lane, ranges]) => flush(ranges, lane, this.#world)))
    const outcomes = new Map(settled.flat().map((outcome) => [outcome.range, outcome]))
    return batch.ranges.map(({ range }) => outcomes.get(range) ?? { kind: 'fenced', range })
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()))
  }

  #laneOf({ partition }: PartitionRange): Lane {
    const lane = this.#lanes[partition % this.#lanes.length]
    if (lane === undefined) throw new RangeError('a store needs at least one lane')
    return lane
  }
}

/** A ledger in memory with its compare-and-set, and the store that writes through it: rows are offsets. */
import { ProcessorError } from '../../src/errors.ts'
import type { Claim, Ledger, PinnedTopic, PinRequest, StartOffset } from '../../src/ledger.ts'
import type { CommitOutcome, Gap, PartitionRange, ReadyBatch, Snapshot, Store, Tail } from '../../src/pipeline.ts'

export class FakeLedger implements Ledger, Store {
  rows = new Map<
    number,
    {
      base: number
      next: number
      epoch: number
      tail: Tail | null
      startLeaderEpoch: number
      snapshot: Snapshot | null
      stored: number[]
      holes: number
      gaps: Gap[]
    }
  >()
  /** The database does not answer. */
  down = false
  heldBy: string | null = null
  key: string | null = null
  incarnation = 1
  released: number[] = []
  claims = 0
  /** Commits wait for it. */
  gate: Promise<void> = Promise.resolve()

  row(partition: number): NonNullable<ReturnType<FakeLedger['rows']['get']>> {
    const row = this.rows.get(partition)
    if (row === undefined) throw new Error(`partition ${partition} is not pinned`)
    return row
  }

  /** Commits wait until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.gate = promise
    return resolve
  }

  async pin(request: PinRequest): Promise<PinnedTopic> {
    this.#check()
    const recreated = this.key !== null && this.key !== '' && request.topicKey !== '' && this.key !== request.topicKey
    const created = this.key === null ? 'first-start' : recreated ? 'recreated' : null
    const starts = this.key === null ? await request.startOffsets() : new Map<number, StartOffset>()
    if (recreated) {
      this.rows.clear()
      this.incarnation++
    }
    this.key = request.topicKey
    for (const partition of request.partitions) {
      const { offset: next, leaderEpoch } = starts.get(partition) ?? { offset: 0, leaderEpoch: -1 }
      if (!this.rows.has(partition))
        this.rows.set(partition, {
          base: next,
          next,
          epoch: 0,
          tail: null,
          startLeaderEpoch: leaderEpoch,
          snapshot: null,
          stored: [],
          holes: 0,
          gaps: [],
        })
    }
    return { topicId: 1, incarnation: this.incarnation, created }
  }

  async claim(
    partitions: readonly number[],
  ): Promise<{ claims: Claim[]; refused: { partition: number; group: string }[] }> {
    this.#check()
    this.claims++
    const heldBy = this.heldBy
    if (heldBy !== null) return { claims: [], refused: partitions.map((partition) => ({ partition, group: heldBy })) }
    const claims = partitions.flatMap((partition) => {
      const row = this.rows.get(partition)
      if (row === undefined) return []
      row.epoch++
      return {
        partition,
        epoch: row.epoch,
        baseOffset: row.base,
        nextOffset: row.next,
        tail: row.tail,
        startLeaderEpoch: row.tail === null ? row.startLeaderEpoch : -1,
        snapshot: row.snapshot,
        trafficShare: 1 / this.rows.size,
      }
    })
    return { claims, refused: [] }
  }

  async release(partitions: readonly number[]): Promise<void> {
    this.released.push(...partitions)
  }

  async seen(): Promise<void> {}

  async commit(batch: ReadyBatch): Promise<readonly CommitOutcome[]> {
    await this.gate
    return batch.ranges.map(({ range }) => this.#advance(range))
  }

  #advance(range: PartitionRange): CommitOutcome {
    const row = this.rows.get(range.partition)
    if (row === undefined) return { range, kind: 'moved', nextOffset: -1 }
    if (row.epoch !== range.epoch) return { range, kind: 'fenced' }
    if (row.next === range.to) return { range, kind: 'duplicate' }
    if (row.next !== range.from) return { range, kind: 'moved', nextOffset: row.next }
    const lost = range.gap === null ? 0 : range.gap.to - range.gap.from
    if (range.records.length + range.holes + lost !== range.to - range.from)
      throw new Error(`range ${range.from}..${range.to} does not add up`)
    row.next = range.to
    row.tail = range.tail ?? row.tail
    row.stored.push(...[...range.records].map((record) => record.offset))
    row.holes += range.holes
    if (range.gap !== null) row.gaps.push(range.gap)
    return { range, kind: 'committed', refused: [], logIds: null }
  }

  #check(): void {
    if (this.down) throw new ProcessorError('POSTGRES_UNAVAILABLE', 'connection refused')
  }
}

/**
 * A Kafka small enough to read and honest enough to be worth it: partitions with real record batches, one coordinator with
 * generations, long polls on the fake clock, and a switch for every fault that a test wants.
 */
import { ProcessorError } from '../../src/errors.ts'
import type {
  FetchedPartition,
  FetchPosition,
  FetchRequest,
  GroupTransport,
  JoinAnswer,
  KafkaTransport,
  LogTransport,
} from '../../src/kafka/transport.ts'
import { epochMs } from '../../src/log.ts'
import type { FakeClock } from './fake-clock.ts'
import { writeBatch } from './record-batches.ts'

interface Batch {
  readonly base: number
  readonly last: number
  readonly bytes: Buffer
}

export class FakePartition {
  batches: Batch[] = []
  start = 0
  end = 0
  /** What fetches of it answer instead. */
  errorCode = 0

  produce(values: readonly string[], timestamp = 1_764_700_000_000, leaderEpoch = 3): void {
    const records = values.map((value, delta) => ({ delta, value: Buffer.from(value) }))
    this.#append(
      writeBatch({ baseOffset: this.end, records, baseTimestamp: BigInt(timestamp), leaderEpoch }),
      values.length,
    )
  }

  /** A transaction marker: an offset that no consumer sees. */
  mark(): void {
    const records = [{ delta: 0, key: Buffer.from([0, 0, 0, 1]), value: Buffer.from([0, 0, 0, 0, 0, 0]) }]
    this.#append(writeBatch({ baseOffset: this.end, records, control: true, transactional: true, producerId: 7n }), 1)
  }

  /** Offsets that compaction took, batches and all. */
  compacted(count: number): void {
    this.end += count
  }

  /** Retention. */
  deleteBefore(offset: number): void {
    this.start = offset
    this.batches = this.batches.filter((batch) => batch.last >= offset)
  }

  #append(bytes: Buffer, count: number): void {
    this.batches.push({ base: this.end, last: this.end + count - 1, bytes })
    this.end += count
  }
}

export class FakeKafka implements KafkaTransport {
  readonly clock: FakeClock
  readonly group: FakeGroup
  topicId = 'aa'
  /** Null: the topic does not exist. */
  partitions: FakePartition[] | null
  /** No broker answers. */
  down = false
  /** Leader of every partition, and its epoch. */
  leader = 1
  leaderEpoch = 3
  /** Where an epoch ended; null: at the end of the log. */
  epochEnd: ((epoch: number, partition: number) => number) | null = null
  /** The newest epoch that a log has, of those up to the one that it is asked about. */
  epochKnown: (epoch: number) => number = (epoch) => epoch
  /** Answers about epochs and the ends of logs wait for it. */
  endsGate: Promise<void> = Promise.resolve()
  opened = 0
  fetches: FetchRequest[] = []
  /** Changes answers on their way, as a faulty client would; may wait. */
  tamper: (answer: FetchedPartition, wanted: number) => FetchedPartition | Promise<FetchedPartition> = (answer) =>
    answer

  constructor(clock: FakeClock, partitions: number | null) {
    this.clock = clock
    this.partitions = partitions === null ? null : Array.from({ length: partitions }, () => new FakePartition())
    this.group = new FakeGroup(this)
  }

  partition(index: number): FakePartition {
    const found = this.partitions?.[index]
    if (found === undefined) throw new Error(`no partition ${index}`)
    return found
  }

  check(): void {
    if (this.down) throw new ProcessorError('KAFKA_UNAVAILABLE', 'connection refused')
  }

  async openLog(): Promise<LogTransport> {
    this.check()
    this.opened++
    return {
      metadata: async () => {
        this.check()
        const partitions =
          this.partitions?.map((_, partition) => ({ partition, leader: this.leader, leaderEpoch: this.leaderEpoch })) ??
          null
        return { clusterId: 'cluster', topicId: this.topicId, partitions }
      },
      fetch: (request, signal) => this.#fetch(request, signal),
      listOffsets: async ({ partitions }) => {
        await this.endsGate
        this.check()
        return partitions.map(({ partition, timestamp }) => {
          const { start, end } = this.partition(partition)
          return { partition, errorCode: 0, offset: timestamp === -2 ? start : end, timestamp: epochMs(-1) }
        })
      },
      offsetForLeaderEpoch: async (asked) => {
        await this.endsGate
        const leaderEpoch = this.epochKnown(asked.leaderEpoch)
        const { end } = this.partition(asked.partition)
        return { errorCode: 0, leaderEpoch, endOffset: this.epochEnd?.(leaderEpoch, asked.partition) ?? end }
      },
      close: async () => undefined,
    }
  }

  async #fetch(
    request: FetchRequest,
    signal: AbortSignal,
  ): Promise<{ errorCode: number; partitions: FetchedPartition[] }> {
    this.check()
    this.fetches.push(request)
    const until = this.clock.nowMs + request.maxWaitMs
    const read = (): FetchedPartition[] => request.positions.map((position) => this.#read(position, request))
    let partitions = read()
    while (partitions.every((each) => each.errorCode === 0 && each.batches.length === 0) && this.clock.nowMs < until) {
      await this.clock.time.sleep(50, signal)
      this.check()
      if (signal.aborted) throw new ProcessorError('KAFKA_UNAVAILABLE', 'aborted')
      partitions = read()
    }
    const tampered: FetchedPartition[] = []
    for (const [index, answer] of partitions.entries())
      tampered.push(await this.tamper(answer, request.positions[index]?.offset ?? 0))
    return { errorCode: 0, partitions: tampered }
  }

  #read({ partition, offset, leaderEpoch }: FetchPosition, { node, topicId }: FetchRequest): FetchedPartition {
    const found = this.partitions?.[partition]
    const ends = {
      highWatermark: found?.end ?? -1,
      lastStableOffset: found?.end ?? -1,
      logStartOffset: found?.start ?? -1,
    }
    const answer = { partition, ...ends, abortedTransactions: [], batches: Buffer.alloc(0) }
    if (found === undefined) return { ...answer, errorCode: 3 }
    if (topicId !== undefined && topicId !== this.topicId) return { ...answer, errorCode: 100 }
    if (leaderEpoch < this.leaderEpoch) return { ...answer, errorCode: 74 }
    if (node !== this.leader) return { ...answer, errorCode: 6 }
    if (found.errorCode !== 0) return { ...answer, errorCode: found.errorCode }
    if (offset < found.start || offset > found.end) return { ...answer, errorCode: 1 }
    const batches = found.batches.filter((batch) => batch.last >= offset).slice(0, 4)
    return { ...answer, errorCode: 0, batches: Buffer.concat(batches.map((batch) => batch.bytes)) }
  }

  async openGroup(): Promise<GroupTransport> {
    this.check()
    return this.group.connect()
  }

  async close(): Promise<void> {}
}

/** One coordinator, and one member of interest; the leader's word counts unless `share` overrules it. */
export class FakeGroup {
  readonly #kafka: FakeKafka
  generation = 0
  member = ''
  #members = 0
  /** Overrules the leader's division for our member. */
  share: Buffer | null = null
  /** Other members, silent, with their subscriptions. */
  others: { memberId: string; metadata: Buffer }[] = []
  /** Wants everybody to join again. */
  rebalancing = false
  commits = new Map<number, number>()
  commitErrorCode = 0
  /** Answers of the next joins, instead of the honest ones. */
  joinCodes: number[] = []
  heartbeatCodes: number[] = []
  joins = 0
  heartbeats = 0
  left: string[] = []
  assignments = new Map<string, Buffer>()

  constructor(kafka: FakeKafka) {
    this.#kafka = kafka
  }

  /** The session expired, or the coordinator forgot. */
  forget(): void {
    this.member = ''
    this.generation++
  }

  connect(): GroupTransport {
    return {
      join: async (request) => this.#join(request.memberId, request.protocols[0]?.metadata ?? Buffer.alloc(0)),
      sync: async ({ generation, memberId, assignments }) => {
        this.#kafka.check()
        if (memberId !== this.member) return { errorCode: 25, assignment: Buffer.alloc(0) }
        if (generation !== this.generation) return { errorCode: 22, assignment: Buffer.alloc(0) }
        this.assignments = new Map(assignments.map((each) => [each.memberId, each.assignment]))
        return { errorCode: 0, assignment: this.share ?? this.assignments.get(memberId) ?? Buffer.alloc(0) }
      },
      heartbeat: async ({ generation, memberId }) => {
        this.#kafka.check()
        this.heartbeats++
        const scripted = this.heartbeatCodes.shift()
        if (scripted !== undefined) return { errorCode: scripted }
        if (memberId !== this.member) return { errorCode: 25 }
        if (generation !== this.generation) return { errorCode: 22 }
        return { errorCode: this.rebalancing ? 27 : 0 }
      },
      leave: async (memberId) => {
        this.left.push(memberId)
      },
      commit: async ({ offsets, generation }) => {
        this.#kafka.check()
        const errorCode = generation === this.generation ? this.commitErrorCode : 22
        if (errorCode === 0) for (const { partition, offset } of offsets) this.commits.set(partition, offset)
        return offsets.map(({ partition }) => ({ partition, errorCode }))
      },
      committed: async () => {
        this.#kafka.check()
        return new Map(this.commits)
      },
      close: async () => undefined,
    }
  }

  #join(memberId: string, metadata: Buffer): JoinAnswer {
    this.#kafka.check()
    this.joins++
    const refused = { generation: -1, memberId, leaderId: '', protocol: '', members: [] }
    const scripted = this.joinCodes.shift()
    if (scripted !== undefined) return { ...refused, errorCode: scripted }
    if (memberId === '') {
      this.member = `member-${++this.#members}`
      return { ...refused, memberId: this.member, errorCode: 79 }
    }
    if (memberId !== this.member) return { ...refused, errorCode: 25 }
    this.rebalancing = false
    this.generation++
    const members = [{ memberId, metadata }, ...this.others]
    return { errorCode: 0, generation: this.generation, memberId, leaderId: memberId, protocol: 'range', members }
  }
}

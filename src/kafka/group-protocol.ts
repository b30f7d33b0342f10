/**
 * The "consumer" group protocol: what members of a classic group tell each other, and who gets which partition.
 * Kafka itself passes these bytes on unread (ConsumerProtocolSubscription.json, ConsumerProtocolAssignment.json).
 *
 *   subscription := version:int16 topics:[string] user_data:bytes  [v1+ owned:[topic:string partitions:[int32]]]  [v2+ generation:int32]  [v3+ rack:string]
 *   assignment   := version:int16 assigned:[topic:string partitions:[int32]] user_data:bytes
 *
 * A newer version only appends, so the head of any version can be read. We write v1 without owned partitions (eager).
 */
import { ProcessorError } from '../errors.ts'

const VERSION = 1

/** In order of preference. Both names are what librdkafka, the Java client and others offer by default. */
export const ASSIGNORS = ['range', 'roundrobin'] as const

export type TopicPartitions = ReadonlyMap<string, readonly number[]>

export interface Subscriber {
  readonly memberId: string
  readonly topics: readonly string[]
}

export function encodeSubscription(topics: readonly string[]): Buffer {
  const parts = [int16(VERSION), int32(topics.length), ...topics.map(string), int32(-1), int32(0)]
  return Buffer.concat(parts)
}

/** The topics somebody subscribes to. Throws KAFKA_PROTOCOL. */
export function decodeSubscription(bytes: Buffer): string[] {
  const cursor = new Cursor(bytes)
  cursor.int16()
  return cursor.array(() => cursor.string())
}

export function encodeAssignment(assigned: TopicPartitions): Buffer {
  const parts = [int16(VERSION), int32(assigned.size)]
  for (const [topic, partitions] of assigned)
    parts.push(string(topic), int32(partitions.length), ...partitions.map(int32))
  parts.push(int32(-1))
  return Buffer.concat(parts)
}

/** An empty answer (a member that the leader left out) is no partitions. Throws KAFKA_PROTOCOL. */
export function decodeAssignment(bytes: Buffer): Map<string, number[]> {
  if (bytes.length === 0) return new Map()
  const cursor = new Cursor(bytes)
  cursor.int16()
  return new Map(cursor.array(() => [cursor.string(), cursor.array(() => cursor.int32())] as const))
}

/** Divides all partitions of all subscribed topics. Unknown strategies fall back to range: somebody must get them. */
export function assign(
  protocol: string,
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): Map<string, TopicPartitions> {
  const members = [...subscribers].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const shares = new Map(members.map((member) => [member.memberId, new Map<string, number[]>()]))
  const give = (memberId: string, topic: string, partition: number): void => {
    const share = shares.get(memberId)
    const partitions = share?.get(topic)
    if (partitions === undefined) share?.set(topic, [partition])
    else partitions.push(partition)
  }
  if (protocol === 'roundrobin') giveInTurns(members, partitionCounts, give)
  else giveRanges(members, partitionCounts, give)
  return shares
}

type Give = (memberId: string, topic: string, partition: number) => void

function giveRanges(members: readonly Subscriber[], counts: ReadonlyMap<string, number>, give: Give): void {
  for (const topic of topicsOf(members)) {
    const takers = members.filter((member) => member.topics.includes(topic))
    const count = counts.get(topic) ?? 0
    const each = Math.floor(count / takers.length)
    const extra = count % takers.length
    let next = 0
    takers.forEach((taker, index) => {
      const end = next + each + (index < extra ? 1 : 0)
      for (; next < end; next++) give(taker.memberId, topic, next)
    })
  }
}

function giveInTurns(members: readonly Subscriber[], counts: ReadonlyMap<string, number>, give: Give): void {
  let turn = 0
  for (const topic of topicsOf(members)) {
    for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
      let taker = members[turn++ % members.length]
      while (taker !== undefined && !taker.topics.includes(topic)) taker = members[turn++ % members.length]
      if (taker !== undefined) give(taker.memberId, topic, partition)
    }
  }
}

export function topicsOf(members: readonly Subscriber[]): string[] {
  return [...new Set(members.flatMap((member) => member.topics))].sort()
}

class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    return this.#take(2).readInt16BE()
  }

  int32(): number {
    return this.#take(4).readInt32BE()
  }

  string(): string {
    return this.#take(this.int16()).toString('utf8')
  }

  array<T>(read: () => T): T[] {
    const length = this.int32()
    if (length > this.#bytes.length) throw truncated()
    return Array.from({ length: Math.max(0, length) }, read)
  }

  #take(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#bytes.length) throw truncated()
    const taken = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }
}

function truncated(): ProcessorError {
  return new ProcessorError('KAFKA_PROTOCOL', 'A group member sent subscription or assignment bytes that end too early')
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([int16(bytes.length), bytes])
}

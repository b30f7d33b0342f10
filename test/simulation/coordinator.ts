/**
 * The coordinator of one classic consumer group, as Kafka's GroupCoordinator behaves: a join is answered when every member has
 * joined or the rebalance timeout is over, a sync when the leader's has come, and a session ends when no heartbeat comes.
 */
import type { JoinAnswer } from '../../src/kafka/transport.ts'
import type { Schedule, Scheduled } from './schedule.ts'

interface Member {
  readonly memberId: string
  metadata: Buffer
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  expiry: Scheduled
  join: ((answer: JoinAnswer) => void) | null
  sync: ((answer: { errorCode: number; assignment: Buffer }) => void) | null
}

interface JoinRequest {
  readonly memberId: string
  readonly protocols: readonly { name: string; metadata: Buffer }[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

const UNKNOWN_MEMBER = 25
const ILLEGAL_GENERATION = 22
const REBALANCE_IN_PROGRESS = 27
const MEMBER_ID_REQUIRED = 79
const NOTHING = Buffer.alloc(0)

export class Coordinator {
  readonly #schedule: Schedule
  readonly #members = new Map<string, Member>()
  readonly #promised = new Set<string>()
  readonly committed = new Map<number, number>()
  generation = 0
  #state: 'empty' | 'preparing' | 'completing' | 'stable' = 'empty'
  #leader = ''
  #protocol = ''
  #assignments = new Map<string, Buffer>()
  #deadline: Scheduled | null = null
  #ids = 0

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  /** Whether the group lists this member in the generation that is now. */
  current(memberId: string, generation: number): boolean {
    return this.#members.has(memberId) && generation === this.generation
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    const { memberId, protocols, sessionTimeoutMs, rebalanceTimeoutMs } = request
    if (memberId === '') {
      const promised = `member-${++this.#ids}`
      this.#promised.add(promised)
      return Promise.resolve(refusal(MEMBER_ID_REQUIRED, promised))
    }
    const known = this.#members.get(memberId)
    if (known === undefined && !this.#promised.delete(memberId))
      return Promise.resolve(refusal(UNKNOWN_MEMBER, memberId))
    const { promise, resolve } = Promise.withResolvers<JoinAnswer>()
    const metadata = protocols[0]?.metadata ?? NOTHING
    this.#protocol = protocols[0]?.name ?? ''
    if (known === undefined) {
      const expiry = this.#schedule.after(0, () => undefined)
      this.#members.set(memberId, {
        memberId,
        metadata,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        expiry,
        join: resolve,
        sync: null,
      })
    } else {
      known.join?.(refusal(REBALANCE_IN_PROGRESS, memberId))
      known.sync?.({ errorCode: REBALANCE_IN_PROGRESS, assignment: NOTHING })
      Object.assign(known, { metadata, sessionTimeoutMs, rebalanceTimeoutMs, join: resolve, sync: null })
    }
    this.#rebalance()
    this.#completeIfAllJoined()
    return promise
  }

  sync(request: {
    generation: number
    memberId: string
    assignments: readonly { memberId: string; assignment: Buffer }[]
  }): Promise<{ errorCode: number; assignment: Buffer }> {
    const { generation, memberId, assignments } = request
    const member = this.#members.get(memberId)
    const refused = this.#refused(member, generation)
    if (member === undefined || refused !== 0) return Promise.resolve({ errorCode: refused, assignment: NOTHING })
    if (this.#state === 'preparing') return Promise.resolve({ errorCode: REBALANCE_IN_PROGRESS, assignment: NOTHING })
    this.#seen(member)
    if (this.#state === 'completing' && memberId === this.#leader) {
      this.#assignments = new Map(assignments.map((each) => [each.memberId, each.assignment]))
      this.#state = 'stable'
      for (const each of this.#members.values()) {
        each.sync?.({ errorCode: 0, assignment: this.#assignments.get(each.memberId) ?? NOTHING })
        each.sync = null
      }
    }
    if (this.#state === 'stable')
      return Promise.resolve({ errorCode: 0, assignment: this.#assignments.get(memberId) ?? NOTHING })
    const { promise, resolve } = Promise.withResolvers<{ errorCode: number; assignment: Buffer }>()
    member.sync = resolve
    return promise
  }

  heartbeat({ generation, memberId }: { generation: number; memberId: string }): number {
    const member = this.#members.get(memberId)
    const refused = this.#refused(member, generation)
    if (member === undefined || refused !== 0) return refused
    this.#seen(member)
    return this.#state === 'preparing' ? REBALANCE_IN_PROGRESS : 0
  }

  leave(memberId: string): void {
    this.#remove(memberId)
  }

  commit(
    { generation, memberId }: { generation: number; memberId: string },
    offsets: readonly { partition: number; offset: number }[],
  ): number {
    const refused = this.#refused(this.#members.get(memberId), generation)
    if (refused !== 0) return refused
    for (const { partition, offset } of offsets) this.committed.set(partition, offset)
    return 0
  }

  #refused(member: Member | undefined, generation: number): number {
    if (member === undefined) return UNKNOWN_MEMBER
    return generation === this.generation ? 0 : ILLEGAL_GENERATION
  }

  #seen(member: Member): void {
    this.#schedule.cancel(member.expiry)
    member.expiry = this.#schedule.after(member.sessionTimeoutMs, () => this.#remove(member.memberId))
  }

  #remove(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member === undefined) return
    this.#members.delete(memberId)
    this.#schedule.cancel(member.expiry)
    member.join?.(refusal(UNKNOWN_MEMBER, memberId))
    member.sync?.({ errorCode: UNKNOWN_MEMBER, assignment: NOTHING })
    if (this.#members.size === 0) {
      this.#state = 'empty'
      this.#cancelDeadline()
    } else {
      this.#rebalance()
      this.#completeIfAllJoined()
    }
  }

  #rebalance(): void {
    if (this.#state === 'preparing') return
    this.#state = 'preparing'
    let longestMs = 0
    for (const member of this.#members.values()) {
      member.sync?.({ errorCode: REBALANCE_IN_PROGRESS, assignment: NOTHING })
      member.sync = null
      longestMs = Math.max(longestMs, member.rebalanceTimeoutMs)
    }
    this.#deadline = this.#schedule.after(longestMs, () => this.#complete())
  }

  #completeIfAllJoined(): void {
    if (this.#state !== 'preparing') return
    for (const { join } of this.#members.values()) if (join === null) return
    this.#complete()
  }

  #complete(): void {
    this.#cancelDeadline()
    for (const member of [...this.#members.values()]) {
      if (member.join !== null) continue
      this.#members.delete(member.memberId)
      this.#schedule.cancel(member.expiry)
    }
    const members = [...this.#members.values()]
    const [leader] = members
    if (leader === undefined) {
      this.#state = 'empty'
      return
    }
    this.generation++
    this.#state = 'completing'
    this.#leader = leader.memberId
    this.#assignments = new Map()
    for (const member of members) {
      const { join, memberId } = member
      const listed =
        member === leader ? members.map((each) => ({ memberId: each.memberId, metadata: each.metadata })) : []
      member.join = null
      this.#seen(member)
      join?.({
        errorCode: 0,
        generation: this.generation,
        memberId,
        leaderId: this.#leader,
        protocol: this.#protocol,
        members: listed,
      })
    }
  }

  #cancelDeadline(): void {
    if (this.#deadline !== null) this.#schedule.cancel(this.#deadline)
    this.#deadline = null
  }
}

function refusal(errorCode: number, memberId: string): JoinAnswer {
  return { errorCode, generation: -1, memberId, leaderId: '', protocol: '', members: [] }
}

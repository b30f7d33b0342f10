/**
 * Our member of a classic consumer group, as a machine of few states:
 *
 *   between lives --openGroup--> joining --JoinGroup, SyncGroup--> member --heartbeats--> joining | between lives
 *
 * One *life* owns one GroupTransport, and ends as a whole on any error it has no answer to; after a backoff with jitter a new
 * life begins. Within a life requests go out one after the other: one join in flight, no heartbeat beside it (the broker keeps
 * a joining member alive by itself). Commits share the connection and never start a join, whatever they are answered; one that
 * is refused because the group does not know us so any more has the next heartbeat sent at once, which settles it.
 *
 *   joining   JoinGroup 0   -> we lead: divide the partitions; SyncGroup 0 -> `assigned`, member
 *             79 MEMBER_ID_REQUIRED -> keep the id, join again     25 UNKNOWN_MEMBER -> drop the id, join again
 *             27 REBALANCE_IN_PROGRESS, 22 ILLEGAL_GENERATION -> join again       14 COORDINATOR_LOADING -> wait, join again
 *             15, 16 no longer the coordinator, and everything else -> the life ends
 *   member    heartbeat 0 -> go on    27 -> `beforeRejoin` (flush while still a member, heartbeats going on), join
 *             22, 25 -> `lost`, join  14 -> go on                15, 16 and everything else -> `lost`, the life ends
 *
 * Heartbeats are sent by time alone: a pipeline that waits for its database stays a member. `beforeRejoin` is awaited before
 * every JoinGroup. At the end: LeaveGroup, so that the others need not wait for the session to expire.
 */
import { isRetriable, ProcessorError } from '../errors.ts'
import type { Events } from '../events.ts'
import {
  COORDINATOR_LOADING,
  groupError,
  ILLEGAL_GENERATION,
  MEMBER_ID_REQUIRED,
  REBALANCE_IN_PROGRESS,
  UNKNOWN_MEMBER,
} from './group-errors.ts'
import {
  ASSIGNORS,
  assign,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  topicsOf,
} from './group-protocol.ts'
import { backoffMs, Doorbell, rest, type Time, within } from './pacing.ts'
import type { GroupTransport, JoinAnswer } from './transport.ts'

const LIFE_BACKOFF = { minMs: 250, maxMs: 2_000 }
/** After a life as long as this the next failure is the first again. */
const LIVED_MS = 10_000
const JOIN_BACKOFF = { minMs: 100, maxMs: 2_000 }

export interface Assignment {
  readonly generation: number
  readonly memberId: string
  readonly partitions: readonly number[]
}

export interface MembershipHooks {
  /** Awaited before every JoinGroup: store what was handed out, let go of all partitions. */
  readonly beforeRejoin: () => Promise<void>
  readonly assigned: (assignment: Assignment) => void
  /** The partitions are somebody else's already. */
  readonly lost: () => void
  /** A heartbeat sent at `sentAtMs` was answered: the assignment was still ours at that time. */
  readonly heartbeat: (sentAtMs: number) => void
}

export interface MembershipOptions {
  readonly topic: string
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  readonly openGroup: () => Promise<GroupTransport>
  /** How many partitions a topic has; 0 when it does not exist. Other members may bring topics of their own. */
  readonly partitionCount: (topic: string) => Promise<number>
  readonly hooks: MembershipHooks
  readonly events: Events
  readonly time: Time
}

interface Membered {
  readonly group: GroupTransport
  readonly generation: number
  readonly memberId: string
  /** How many partitions of the topic this member, leading the group, gave away; null while another one leads. */
  readonly divided: number | null
}

export class Membership {
  readonly #options: MembershipOptions
  readonly #bell = new Doorbell()
  #memberId = ''
  #member: Membered | null = null
  #rejoinWanted = false
  /** Partitions of the topic in our last division. */
  #divided = 0
  #life = new AbortController()

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  get member(): Omit<Membered, 'group'> | null {
    return this.#member
  }

  /** Lives until the signal aborts, then leaves the group. Rejects only for what no retry can cure (KAFKA_REFUSED). */
  async run(signal: AbortSignal): Promise<void> {
    const { time, events } = this.#options
    let failures = 0
    while (!signal.aborted) {
      const bornAtMs = time.clock()
      try {
        await this.#live(signal)
      } catch (error) {
        if (signal.aborted) return
        if (!isRetriable(error)) throw error
        failures = time.clock() - bornAtMs > LIVED_MS ? 0 : failures + 1
        const retryInMs = backoffMs(failures, LIFE_BACKOFF, time.random)
        events.kafkaUnavailable({ error, retryInMs })
        await rest(retryInMs, time, signal)
      }
    }
  }

  /** Asks for a new division of the partitions, e.g. because there are more of them. */
  rejoin(): void {
    this.#rejoinWanted = true
    this.#bell.ring()
  }

  /** Ends this life and its connection; another one begins by itself. */
  endLife(): void {
    this.#life.abort()
    this.#bell.ring()
  }

  /** Rejects with a ProcessorError when the offsets were not taken. Never starts a join. */
  async commit(offsets: readonly { partition: number; offset: number; leaderEpoch: number }[]): Promise<void> {
    const member = this.#member
    if (member === null)
      throw new ProcessorError('KAFKA_UNAVAILABLE', 'Not a member of the group: offsets not committed')
    const { generation, memberId } = member
    const answers = await member.group.commit({ generation, memberId, topic: this.#options.topic, offsets })
    const refused = answers.find((answer) => answer.errorCode !== 0)
    if (refused === undefined) return
    if (refused.errorCode === UNKNOWN_MEMBER || refused.errorCode === ILLEGAL_GENERATION) this.#bell.ring()
    throw groupError('OffsetCommit', refused.errorCode)
  }

  async #live(signal: AbortSignal): Promise<void> {
    const life = new AbortController()
    this.#life = life
    const stop = (): void => life.abort()
    signal.addEventListener('abort', stop, { once: true })
    const group = await this.#options.openGroup()
    try {
      while (!life.signal.aborted) {
        await this.#options.hooks.beforeRejoin()
        if (life.signal.aborted) break
        const joined = await this.#orEnd(this.#join(group, life.signal), life.signal)
        if (joined === null) continue
        const assignment = await this.#orEnd(this.#sync(group, joined), life.signal)
        if (assignment === null) continue
        const { generation, memberId, leaderId } = joined
        this.#member = { group, generation, memberId, divided: leaderId === memberId ? this.#divided : null }
        this.#options.hooks.assigned(assignment)
        await this.#beat(group, assignment, life.signal)
        this.#member = null
      }
    } finally {
      this.#member = null
      signal.removeEventListener('abort', stop)
      if (!signal.aborted) this.#options.hooks.lost()
      if (this.#memberId !== '' && life.signal.aborted) await this.#leave(group)
      await group.close().catch(() => undefined)
    }
    if (!signal.aborted)
      throw new ProcessorError('KAFKA_UNAVAILABLE', 'The membership was ended in order to begin anew')
  }

  /** A JoinGroup that was accepted; null when the life ended meanwhile. */
  async #join(group: GroupTransport, signal: AbortSignal): Promise<JoinAnswer | null> {
    const { time, topic, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const metadata = encodeSubscription([topic])
    const protocols = ASSIGNORS.map((name) => ({ name, metadata }))
    for (let attempt = 0; !signal.aborted; attempt++) {
      if (attempt > 2) await rest(backoffMs(attempt - 2, JOIN_BACKOFF, time.random), time, signal)
      this.#rejoinWanted = false
      const answer = await group.join({ memberId: this.#memberId, protocols, sessionTimeoutMs, rebalanceTimeoutMs })
      switch (answer.errorCode) {
        case 0:
          this.#memberId = answer.memberId
          return answer
        case MEMBER_ID_REQUIRED:
          this.#memberId = answer.memberId
          break
        case UNKNOWN_MEMBER:
          this.#memberId = ''
          break
        case REBALANCE_IN_PROGRESS:
        case ILLEGAL_GENERATION:
          break
        case COORDINATOR_LOADING:
          await rest(backoffMs(attempt + 1, JOIN_BACKOFF, time.random), time, signal)
          break
        default:
          throw groupError('JoinGroup', answer.errorCode)
      }
    }
    return null
  }

  /** Our share; null when the group has moved on and must be joined again. */
  async #sync(group: GroupTransport, joined: JoinAnswer): Promise<Assignment | null> {
    const { generation, memberId, protocol } = joined
    const assignments = joined.leaderId === memberId ? await this.#divide(joined) : []
    const answer = await group.sync({ generation, memberId, protocol, assignments })
    switch (answer.errorCode) {
      case 0:
        return { generation, memberId, partitions: decodeAssignment(answer.assignment).get(this.#options.topic) ?? [] }
      case UNKNOWN_MEMBER:
        this.#memberId = ''
        return null
      case REBALANCE_IN_PROGRESS:
      case ILLEGAL_GENERATION:
        return null
      default:
        throw groupError('SyncGroup', answer.errorCode)
    }
  }

  async #divide(joined: JoinAnswer): Promise<{ memberId: string; assignment: Buffer }[]> {
    const members = joined.members.map(({ memberId, metadata }) => ({ memberId, topics: decodeSubscription(metadata) }))
    const counts = new Map<string, number>()
    for (const topic of topicsOf(members)) counts.set(topic, await this.#options.partitionCount(topic))
    this.#divided = counts.get(this.#options.topic) ?? 0
    const shares = assign(joined.protocol, members, counts)
    return [...shares].map(([memberId, share]) => ({ memberId, assignment: encodeAssignment(share) }))
  }

  /** Returns when the group must be joined again or the life is over; rejects when the life has failed. */
  async #beat(group: GroupTransport, { generation, memberId }: Assignment, signal: AbortSignal): Promise<void> {
    const { time, hooks, heartbeatIntervalMs } = this.#options
    let flushed: Promise<void> | null = null
    let flushing = false
    while (!signal.aborted) {
      if (this.#rejoinWanted && flushed === null) {
        flushing = true
        flushed = hooks.beforeRejoin().finally(() => {
          flushing = false
          this.#bell.ring()
        })
      }
      if (flushed !== null && !flushing) return await flushed
      await this.#bell.wait(heartbeatIntervalMs, time, signal)
      if (signal.aborted) return
      if (flushed !== null && !flushing) continue
      const sentAtMs = time.clock()
      const answer = await this.#orEnd(group.heartbeat({ generation, memberId }), signal)
      if (answer === null) return
      switch (answer.errorCode) {
        case 0:
          hooks.heartbeat(sentAtMs)
          break
        case COORDINATOR_LOADING:
          break
        case REBALANCE_IN_PROGRESS:
          this.#rejoinWanted = true
          break
        case UNKNOWN_MEMBER:
        case ILLEGAL_GENERATION:
          if (answer.errorCode === UNKNOWN_MEMBER) this.#memberId = ''
          hooks.lost()
          return
        default:
          throw groupError('Heartbeat', answer.errorCode)
      }
    }
  }

  /** The answer, or null as soon as the life ends: a request that nobody answers must not hold it. */
  async #orEnd<T>(request: Promise<T | null>, signal: AbortSignal): Promise<T | null> {
    const over = Promise.withResolvers<null>()
    const stop = (): void => over.resolve(null)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      return await Promise.race([request, over.promise])
    } finally {
      signal.removeEventListener('abort', stop)
      request.catch(() => undefined)
    }
  }

  async #leave(group: GroupTransport): Promise<void> {
    const { time, heartbeatIntervalMs } = this.#options
    const left = group.leave(this.#memberId)
    this.#memberId = ''
    await within(heartbeatIntervalMs, left, time)
  }
}

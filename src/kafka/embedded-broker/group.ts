/**
 * One consumer group of the classic protocol, as a state machine.
 *
 *   Empty -> PreparingRebalance      a member joins
 *   PreparingRebalance               JoinGroup waits until every member has sent one, or the rebalance timeout is over;
 *                                    who has not by then is no longer a member
 *   -> CompletingRebalance           all are answered, the leader with everybody's metadata; SyncGroup waits for the leader's assignment
 *   -> Stable                        all have their assignment; heartbeats keep them in
 *   Stable -> PreparingRebalance     somebody joins, leaves, changes its metadata, or is not heard of for its session timeout
 */
import { ERROR } from './error-codes.ts'
import { ignore, type Member, memberMetadata, NOTHING, rebalanceTimeoutMs, sameProtocols } from './group-member.ts'
import {
  type Identity,
  type Join,
  type Joined,
  refusedJoin,
  refusedSync,
  type Sync,
  type Synced,
} from './group-messages.ts'
import { GroupRoster, type MemberDescription } from './group-roster.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'
/** Calls `action` once after `delayMs`, unless the returned function is called first. */
export type Schedule = (action: () => void, delayMs: number) => () => void

export class Group {
  readonly #schedule: Schedule
  readonly #randomId: () => string
  readonly #roster = new GroupRoster()
  /** Members that were given an id and have not joined with it yet, each with its timer. */
  readonly #announced = new Map<string, () => void>()
  #state: GroupState = 'Empty'
  #generation = 0
  #protocolType = ''
  #protocol = ''
  #leaderId = ''
  #cancelDeadline: () => void = ignore

  constructor(options: { readonly schedule: Schedule; readonly randomId: () => string }) {
    this.#schedule = options.schedule
    this.#randomId = options.randomId
  }

  get state(): GroupState {
    return this.#state
  }
  get protocolType(): string {
    return this.#protocolType
  }
  get protocol(): string {
    return this.#protocol
  }
  members(): readonly MemberDescription[] {
    return this.#roster.described(this.#state === 'Stable' ? this.#protocol : null)
  }

  join(join: Join): Promise<Joined> {
    if (!this.#roster.compatible(join, this.#protocolType))
      return refuseJoin(ERROR.INCONSISTENT_GROUP_PROTOCOL, join.memberId)
    if (join.memberId === '') return this.#joinNew(join)
    const cancelAnnounced = this.#announced.get(join.memberId)
    if (cancelAnnounced !== undefined) {
      cancelAnnounced()
      this.#announced.delete(join.memberId)
      return this.#wait(this.#add(join.memberId, join), join)
    }
    const member = this.#roster.find(join)
    if (typeof member === 'number') return refuseJoin(member, join.memberId)
    const unchanged = sameProtocols(member.join, join)
    const answerAtOnce =
      (this.#state === 'Stable' && unchanged && member.id !== this.#leaderId) ||
      (this.#state === 'CompletingRebalance' && unchanged)
    if (!answerAtOnce) return this.#wait(member, join)
    this.#keepAlive(member)
    return Promise.resolve(this.#joined(member))
  }

  sync(sync: Sync): Promise<Synced> {
    const member = this.#roster.find(sync)
    if (typeof member === 'number') return Promise.resolve(refusedSync(member))
    if (sync.generation !== this.#generation) return Promise.resolve(refusedSync(ERROR.ILLEGAL_GENERATION))
    const strange =
      (sync.protocolType !== null && sync.protocolType !== this.#protocolType) ||
      (sync.protocol !== null && sync.protocol !== this.#protocol)
    if (strange) return Promise.resolve(refusedSync(ERROR.INCONSISTENT_GROUP_PROTOCOL))
    if (this.#state === 'PreparingRebalance') return Promise.resolve(refusedSync(ERROR.REBALANCE_IN_PROGRESS))
    if (this.#state === 'Stable') {
      this.#keepAlive(member)
      return Promise.resolve(this.#synced(member))
    }
    return new Promise((resolve) => {
      member.syncing?.(refusedSync(ERROR.REBALANCE_IN_PROGRESS))
      member.syncing = resolve
      member.cancelExpiry()
      if (member.id === this.#leaderId) this.#assign(sync.assignments)
    })
  }

  heartbeat(beat: Identity & { readonly generation: number }): number {
    const member = this.#roster.find(beat)
    if (typeof member === 'number') return member
    if (beat.generation !== this.#generation) return ERROR.ILLEGAL_GENERATION
    this.#keepAlive(member)
    return this.#state === 'PreparingRebalance' ? ERROR.REBALANCE_IN_PROGRESS : ERROR.NONE
  }

  leave(identity: Identity): number {
    const cancelAnnounced = this.#announced.get(identity.memberId)
    if (cancelAnnounced !== undefined) {
      cancelAnnounced()
      this.#forgetAnnounced(identity.memberId)
      return ERROR.NONE
    }
    const byInstance = this.#roster.idOf(identity.instanceId)
    const memberId = identity.memberId === '' ? (byInstance ?? '') : identity.memberId
    const member = this.#roster.find({ memberId, instanceId: identity.instanceId })
    if (typeof member === 'number') return member
    this.#remove(member)
    return ERROR.NONE
  }

  /** Whether offsets may be committed under this identity. Without a generation: only while the group has no members. */
  mayCommit(commit: Identity & { readonly generation: number }): number {
    if (commit.generation < 0 && this.#roster.size === 0) return ERROR.NONE
    const member = this.#roster.find(commit)
    if (typeof member === 'number') return member
    if (commit.generation !== this.#generation) return ERROR.ILLEGAL_GENERATION
    if (this.#state === 'CompletingRebalance') return ERROR.REBALANCE_IN_PROGRESS
    this.#keepAlive(member)
    return ERROR.NONE
  }

  /** Answers whoever waits and stops every timer. */
  close(): void {
    this.#cancelDeadline()
    for (const cancel of this.#announced.values()) cancel()
    for (const member of this.#roster.all) this.#roster.drop(member, ERROR.COORDINATOR_NOT_AVAILABLE)
    this.#state = 'Dead'
  }

  #joinNew(join: Join): Promise<Joined> {
    const known = this.#roster.idOf(join.instanceId)
    const memberId = `${join.instanceId ?? join.clientId}-${this.#randomId()}`
    const old = known === undefined ? undefined : this.#roster.get(known)
    if (old !== undefined) return this.#replace(old, memberId, join)
    if (!join.idFirst || join.instanceId !== null) return this.#wait(this.#add(memberId, join), join)
    const expire = (): void => this.#forgetAnnounced(memberId)
    this.#announced.set(memberId, this.#schedule(expire, join.sessionTimeoutMs))
    return refuseJoin(ERROR.MEMBER_ID_REQUIRED, memberId)
  }

  /** A static member came back under its instance id: it takes over the place, and in a stable group even the assignment. */
  #replace(old: Member, memberId: string, join: Join): Promise<Joined> {
    const leaderBefore = this.#leaderId
    this.#roster.drop(old, ERROR.FENCED_INSTANCE_ID)
    const member = this.#add(memberId, join)
    member.assignment = old.assignment
    if (leaderBefore === old.id) this.#leaderId = memberId
    if (this.#state !== 'Stable' || !sameProtocols(old.join, join)) return this.#wait(member, join)
    this.#keepAlive(member)
    // Named as the leader it would assign again, without knowing the others: so the answer names its former self.
    return Promise.resolve({ ...this.#joined(member), leaderId: leaderBefore, members: [] })
  }

  #add(id: string, join: Join): Member {
    if (this.#roster.size === 0) this.#protocolType = join.protocolType
    return this.#roster.add(id, join)
  }

  /** Waits in JoinGroup for the next generation, which it starts to prepare where that is not under way. */
  #wait(member: Member, join: Join): Promise<Joined> {
    return new Promise((resolve) => {
      member.joining?.(refusedJoin(ERROR.REBALANCE_IN_PROGRESS, member.id))
      member.join = join
      member.joining = resolve
      member.cancelExpiry()
      if (this.#state === 'PreparingRebalance') this.#completeIfAllJoined()
      else this.#prepare()
    })
  }

  #prepare(): void {
    for (const member of this.#roster.all) {
      if (member.syncing === null) continue
      member.syncing(refusedSync(ERROR.REBALANCE_IN_PROGRESS))
      member.syncing = null
      this.#keepAlive(member)
    }
    this.#state = 'PreparingRebalance'
    this.#deadline(() => this.#complete())
    this.#completeIfAllJoined()
  }

  #deadline(action: () => void): void {
    this.#cancelDeadline()
    const timeouts = this.#roster.all.map((member) => rebalanceTimeoutMs(member.join))
    this.#cancelDeadline = this.#schedule(action, Math.max(0, ...timeouts))
  }

  #completeIfAllJoined(): void {
    if (this.#state !== 'PreparingRebalance' || this.#announced.size > 0) return
    for (const member of this.#roster.all) if (member.joining === null) return
    this.#complete()
  }

  #complete(): void {
    for (const member of this.#roster.all) {
      if (member.joining === null && member.join.instanceId === null) this.#drop(member)
    }
    const leader = this.#roster.get(this.#leaderId)
    const joined = this.#roster.all.filter((member) => member.joining !== null)
    if (this.#roster.size > 0 && joined.length === 0) {
      this.#deadline(() => this.#complete())
      return
    }
    this.#generation += 1
    this.#cancelDeadline()
    if (joined.length === 0) {
      this.#state = 'Empty'
      this.#leaderId = ''
      this.#protocol = ''
      return
    }
    this.#state = 'CompletingRebalance'
    this.#leaderId = leader?.joining ? leader.id : (joined[0]?.id ?? '')
    this.#protocol = this.#roster.vote()
    this.#deadline(() => this.#dropUnsynced())
    for (const member of joined) {
      const answer = member.joining
      member.joining = null
      member.assignment = NOTHING
      this.#keepAlive(member)
      answer?.(this.#joined(member))
    }
  }

  #dropUnsynced(): void {
    if (this.#state !== 'CompletingRebalance') return
    for (const member of this.#roster.all) if (member.syncing === null) this.#drop(member)
    this.#prepare()
  }

  #assign(assignments: Sync['assignments']): void {
    const byMember = new Map(assignments.map((each) => [each.memberId, each.assignment]))
    this.#state = 'Stable'
    this.#cancelDeadline()
    for (const member of this.#roster.all) {
      member.assignment = Buffer.from(byMember.get(member.id) ?? NOTHING)
      member.syncing?.(this.#synced(member))
      member.syncing = null
      this.#keepAlive(member)
    }
    // Nobody is thrown out for not having fetched its assignment: its session timeout sees to that.
  }

  #joined(member: Member): Joined {
    const leads = member.id === this.#leaderId
    return {
      errorCode: ERROR.NONE,
      generation: this.#generation,
      protocolType: this.#protocolType,
      protocol: this.#protocol,
      leaderId: this.#leaderId,
      memberId: member.id,
      members: leads ? this.#roster.all.map((each) => memberMetadata(each, this.#protocol)) : [],
    }
  }
  #synced(member: Member): Synced {
    const { assignment } = member
    return { errorCode: ERROR.NONE, protocolType: this.#protocolType, protocol: this.#protocol, assignment }
  }

  #keepAlive(member: Member): void {
    member.cancelExpiry()
    if (member.joining !== null || member.syncing !== null) return
    member.cancelExpiry = this.#schedule(() => this.#remove(member), member.join.sessionTimeoutMs)
  }

  #remove(member: Member): void {
    this.#drop(member)
    if (this.#state === 'PreparingRebalance') this.#completeIfAllJoined()
    else this.#prepare()
  }
  #drop(member: Member): void {
    this.#roster.drop(member, ERROR.UNKNOWN_MEMBER_ID)
  }
  #forgetAnnounced(memberId: string): void {
    this.#announced.delete(memberId)
    this.#completeIfAllJoined()
  }
}

function refuseJoin(errorCode: number, memberId: string): Promise<Joined> {
  return Promise.resolve(refusedJoin(errorCode, memberId))
}

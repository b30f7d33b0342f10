/** The members of a group by their ids, and by the instance ids of those that are static. Bookkeeping alone: no state, no timers. */
import { ERROR } from './error-codes.ts'
import { ignore, type Member, metadataOf, NOTHING } from './group-member.ts'
import { type Identity, type Join, refusedJoin, refusedSync } from './group-messages.ts'

export interface MemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly metadata: Buffer
  readonly assignment: Buffer
}

export class GroupRoster {
  readonly #members = new Map<string, Member>()
  readonly #instances = new Map<string, string>()

  get size(): number {
    return this.#members.size
  }
  get all(): Member[] {
    return [...this.#members.values()]
  }

  /** As DescribeGroups tells it; `protocol` null: while the group has none in use. */
  described(protocol: string | null): MemberDescription[] {
    return this.all.map(({ id, join, assignment }) => ({
      memberId: id,
      instanceId: join.instanceId,
      clientId: join.clientId,
      clientHost: join.clientHost,
      metadata: protocol === null ? NOTHING : metadataOf(join, protocol),
      assignment: protocol === null ? NOTHING : assignment,
    }))
  }

  get(memberId: string): Member | undefined {
    return this.#members.get(memberId)
  }

  idOf(instanceId: string | null): string | undefined {
    return instanceId === null ? undefined : this.#instances.get(instanceId)
  }

  /** The member that says so of itself, or Kafka's error. */
  find(identity: Identity): Member | number {
    if (identity.instanceId !== null) {
      const memberId = this.#instances.get(identity.instanceId)
      if (memberId === undefined) return ERROR.UNKNOWN_MEMBER_ID
      if (memberId !== identity.memberId) return ERROR.FENCED_INSTANCE_ID
    }
    return this.#members.get(identity.memberId) ?? ERROR.UNKNOWN_MEMBER_ID
  }

  add(id: string, join: Join): Member {
    const member: Member = {
      id,
      join,
      assignment: NOTHING,
      joining: null,
      syncing: null,
      cancelExpiry: ignore,
    }
    this.#members.set(id, member)
    if (join.instanceId !== null) this.#instances.set(join.instanceId, id)
    return member
  }

  /** Answers what it waits for with `errorCode`. */
  drop(member: Member, errorCode: number): void {
    member.cancelExpiry()
    member.joining?.(refusedJoin(errorCode, member.id))
    member.syncing?.(refusedSync(errorCode))
    member.joining = null
    member.syncing = null
    this.#members.delete(member.id)
    const { instanceId } = member.join
    if (instanceId !== null && this.#instances.get(instanceId) === member.id) this.#instances.delete(instanceId)
  }

  /** Every member votes for the first of its protocols that all know. */
  vote(): string {
    const members = this.all
    const known = (name: string): boolean =>
      members.every((member) => member.join.protocols.some((protocol) => protocol.name === name))
    const votes = new Map<string, number>()
    for (const member of members) {
      const choice = member.join.protocols.find((protocol) => known(protocol.name))?.name ?? ''
      votes.set(choice, (votes.get(choice) ?? 0) + 1)
    }
    return [...votes].reduce((best, each) => (each[1] > best[1] ? each : best))[0]
  }

  /** Whether the others could agree on a protocol with who joins so. */
  compatible(join: Join, protocolType: string): boolean {
    const others = this.all.filter(
      (member) =>
        member.id !== join.memberId && (join.instanceId === null || member.join.instanceId !== join.instanceId),
    )
    if (join.protocols.length === 0 || join.protocolType === '') return false
    if (others.length === 0) return true
    if (join.protocolType !== protocolType) return false
    return join.protocols.some(({ name }) =>
      others.every((member) => member.join.protocols.some((protocol) => protocol.name === name)),
    )
  }
}

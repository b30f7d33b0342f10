/** All consumer groups and their committed offsets. */
import { ERROR } from './error-codes.ts'
import { Group, type GroupState, type Schedule } from './group.ts'
import {
  type Identity,
  type Join,
  type Joined,
  refusedJoin,
  refusedSync,
  type Sync,
  type Synced,
} from './group-messages.ts'

const SESSION_TIMEOUT_MS_MIN = 100
const SESSION_TIMEOUT_MS_MAX = 1_800_000

export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string | null
}
interface KnownGroup {
  readonly group: Group
  readonly offsets: Map<string, Map<number, CommittedOffset>>
}
export interface GroupDescription {
  readonly groupId: string
  readonly state: GroupState
  readonly protocolType: string
  readonly protocol: string
  readonly members: ReturnType<Group['members']>
}

export class GroupCoordinator {
  readonly #options: { readonly schedule: Schedule; readonly randomId: () => string }
  readonly #groups = new Map<string, KnownGroup>()

  constructor(options: { readonly schedule: Schedule; readonly randomId: () => string }) {
    this.#options = options
  }

  join(groupId: string, join: Join): Promise<Joined> {
    const refuse = (errorCode: number): Promise<Joined> => Promise.resolve(refusedJoin(errorCode, join.memberId))
    if (groupId === '') return refuse(ERROR.INVALID_GROUP_ID)
    const { sessionTimeoutMs } = join
    if (sessionTimeoutMs < SESSION_TIMEOUT_MS_MIN || sessionTimeoutMs > SESSION_TIMEOUT_MS_MAX) {
      return refuse(ERROR.INVALID_SESSION_TIMEOUT)
    }
    if (join.memberId !== '' && !this.#groups.has(groupId)) return refuse(ERROR.UNKNOWN_MEMBER_ID)
    return this.#open(groupId).group.join(join)
  }
  sync(groupId: string, sync: Sync): Promise<Synced> {
    const known = this.#groups.get(groupId)
    return known === undefined ? Promise.resolve(refusedSync(ERROR.UNKNOWN_MEMBER_ID)) : known.group.sync(sync)
  }
  heartbeat(groupId: string, beat: Identity & { readonly generation: number }): number {
    return this.#groups.get(groupId)?.group.heartbeat(beat) ?? ERROR.UNKNOWN_MEMBER_ID
  }
  leave(groupId: string, identity: Identity): number {
    return this.#groups.get(groupId)?.group.leave(identity) ?? ERROR.UNKNOWN_MEMBER_ID
  }

  /** 0, or why this member may not commit. A group that nobody joined comes to be by its first commit. */
  mayCommit(groupId: string, commit: Identity & { readonly generation: number }): number {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known.group.mayCommit(commit)
    if (groupId === '') return ERROR.INVALID_GROUP_ID
    return commit.generation < 0 ? ERROR.NONE : ERROR.ILLEGAL_GENERATION
  }
  commit(
    groupId: string,
    at: { readonly topic: string; readonly partition: number },
    committed: CommittedOffset,
  ): void {
    const { offsets } = this.#open(groupId)
    const partitions = offsets.get(at.topic) ?? new Map<number, CommittedOffset>()
    offsets.set(at.topic, partitions.set(at.partition, committed))
  }
  committed(groupId: string): ReadonlyMap<string, ReadonlyMap<number, CommittedOffset>> {
    return this.#groups.get(groupId)?.offsets ?? new Map()
  }

  deleteOffset(groupId: string, topic: string, partition: number): void {
    this.#groups.get(groupId)?.offsets.get(topic)?.delete(partition)
  }
  /** A deleted topic takes along what was committed for it. */
  forgetTopic(topic: string): void {
    for (const known of this.#groups.values()) known.offsets.delete(topic)
  }

  list(): readonly GroupDescription[] {
    return [...this.#groups.keys()].map((groupId) => this.describe(groupId))
  }
  describe(groupId: string): GroupDescription {
    const group = this.#groups.get(groupId)?.group
    if (group === undefined) return { groupId, state: 'Dead', protocolType: '', protocol: '', members: [] }
    const { state, protocolType, protocol } = group
    return { groupId, state, protocolType, protocol, members: group.members() }
  }

  delete(groupId: string): number {
    const known = this.#groups.get(groupId)
    if (known === undefined) return ERROR.GROUP_ID_NOT_FOUND
    if (known.group.state !== 'Empty') return ERROR.NON_EMPTY_GROUP
    known.group.close()
    this.#groups.delete(groupId)
    return ERROR.NONE
  }

  close(): void {
    for (const { group } of this.#groups.values()) group.close()
  }

  #open(groupId: string): KnownGroup {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    const opened: KnownGroup = { group: new Group(this.#options), offsets: new Map() }
    this.#groups.set(groupId, opened)
    return opened
  }
}

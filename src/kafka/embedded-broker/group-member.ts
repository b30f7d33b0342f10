/** One member of a group: what it joined with, what it was assigned, and which of its requests still wait. */
import type { Join, Joined, Synced } from './group-messages.ts'

export const NOTHING = Buffer.alloc(0)
export const ignore = (): void => undefined

export interface Member {
  readonly id: string
  join: Join
  assignment: Buffer
  /** Answers its JoinGroup, while that waits. */
  joining: ((answer: Joined) => void) | null
  /** Answers its SyncGroup, while that waits. */
  syncing: ((answer: Synced) => void) | null
  cancelExpiry: () => void
}

export function memberMetadata(member: Member, protocol: string): Joined['members'][number] {
  const { id, join } = member
  return { memberId: id, instanceId: join.instanceId, metadata: metadataOf(join, protocol) }
}
export function metadataOf(join: Join, protocol: string): Buffer {
  return join.protocols.find((each) => each.name === protocol)?.metadata ?? NOTHING
}
export function rebalanceTimeoutMs(join: Join): number {
  return join.rebalanceTimeoutMs > 0 ? join.rebalanceTimeoutMs : join.sessionTimeoutMs
}
export function sameProtocols(one: Join, other: Join): boolean {
  return (
    one.protocols.length === other.protocols.length &&
    one.protocols.every((protocol, index) => {
      const against = other.protocols[index]
      return against?.name === protocol.name && against.metadata.equals(protocol.metadata)
    })
  )
}

/** What members say in JoinGroup, SyncGroup and Heartbeat, and what they are answered. */

export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}
export interface Join {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  /** KIP-394: a new member first gets its id, and joins with it. */
  readonly idFirst: boolean
}
export interface Joined {
  readonly errorCode: number
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string
  readonly leaderId: string
  readonly memberId: string
  readonly members: readonly { memberId: string; instanceId: string | null; metadata: Buffer }[]
}
export interface Identity {
  readonly memberId: string
  readonly instanceId: string | null
}
export interface Sync extends Identity {
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}
export interface Synced {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly assignment: Buffer
}

export const refusedJoin = (errorCode: number, memberId: string): Joined => ({
  errorCode,
  generation: -1,
  protocolType: null,
  protocol: '',
  leaderId: '',
  memberId,
  members: [],
})
export const refusedSync = (errorCode: number): Synced => ({
  errorCode,
  protocolType: null,
  protocol: null,
  assignment: Buffer.alloc(0),
})

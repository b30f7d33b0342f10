/** A claimed partition as PostgreSQL tells it. */
import type { Claim } from '../ledger.ts'
import { epochMs } from '../log.ts'
import { unpackedState } from './packed-state.ts'

export interface ClaimRow {
  readonly part: number
  readonly epoch: string
  readonly base_offset: string
  readonly next_offset: string
  readonly leader_epoch: number | null
  readonly tail_offset: string | null
  readonly tail_ts: string | null
  readonly tail_crc: string | null
  readonly topic_id: number
  readonly at_offset: string | null
  readonly format: number | null
  readonly state: Buffer | null
  readonly traffic_share: number
}

export function claimOf(row: ClaimRow): Claim {
  const { part, tail_offset, tail_ts, tail_crc, at_offset, format, state } = row
  const tail =
    tail_offset === null || tail_ts === null || tail_crc === null
      ? null
      : {
          leaderEpoch: row.leader_epoch ?? -1,
          offset: Number(tail_offset),
          timestamp: epochMs(Number(tail_ts)),
          crc: Number(tail_crc),
        }
  const snapshot =
    at_offset === null || format === null || state === null
      ? null
      : { partition: part, atOffset: Number(at_offset), format, state: unpackedState(state) }
  return {
    partition: part,
    epoch: Number(row.epoch),
    baseOffset: Number(row.base_offset),
    nextOffset: Number(row.next_offset),
    tail,
    startLeaderEpoch: tail === null ? (row.leader_epoch ?? -1) : -1,
    snapshot,
    trafficShare: row.traffic_share,
  }
}

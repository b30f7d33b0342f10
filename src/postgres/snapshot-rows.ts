/** Detector snapshots as a file for COPY, in pieces. The table's trigger (migration 0006) replaces the one before. */
import type { Snapshot } from '../pipeline.ts'
import { BinaryRows } from './binary-rows.ts'

export const SNAPSHOT_COLUMNS = 'namespace, topic, incarnation, part, at_offset, format, state'
const FIELDS = 7
const HEAD_BYTES = 1024

export interface SnapshotScope {
  readonly namespace: string
  readonly topic: string
  readonly incarnation: number
}

/** A snapshot whose state is as its row holds it (packed-state.ts). */
export type PackedSnapshot = Omit<Snapshot, 'state'> & { readonly packed: Buffer }

export function snapshotFile(snapshots: readonly PackedSnapshot[], of: SnapshotScope): Buffer[] {
  const rows = new BinaryRows(HEAD_BYTES)
  rows.start(HEAD_BYTES)
  const pieces: Buffer[] = []
  for (const { partition, atOffset, format, packed } of snapshots) {
    rows.row(FIELDS)
    rows.text(of.namespace)
    rows.text(of.topic)
    rows.int4(of.incarnation)
    rows.int4(partition)
    rows.int8(atOffset)
    rows.int4(format)
    rows.announce(packed.length)
    pieces.push(rows.take(), packed)
  }
  pieces.push(rows.finish())
  return pieces
}

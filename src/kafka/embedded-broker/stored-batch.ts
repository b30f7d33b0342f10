/**
 * The header of a record batch, format 2; nothing behind it is ever decoded here.
 *
 *   0 baseOffset int64 | 8 batchLength int32 | 12 partitionLeaderEpoch int32 | 16 magic int8 | 17 crc uint32 (over all that follows)
 *   21 attributes int16 | 23 lastOffsetDelta int32 | 27 baseTimestamp int64 | 35 maxTimestamp int64
 *   43 producerId int64 | 51 producerEpoch int16 | 53 baseSequence int32 | 57 recordCount int32 | 61 records
 */
import { ERROR } from './error-codes.ts'
import type { Sequenced } from './producer-states.ts'

const HEADER_BYTES = 61
const BYTES_BEFORE_LENGTH_ENDS = 12
const TRANSACTIONAL_OR_CONTROL = 0x30

export interface ProducedBatch extends Sequenced {
  readonly bytes: Buffer
  readonly baseTimestamp: number
  readonly maxTimestamp: number
}

/** The batches of one produce request and partition, or the error code that answers it. */
export function parseBatches(bytes: Buffer): readonly ProducedBatch[] | number {
  const batches: ProducedBatch[] = []
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEADER_BYTES) return ERROR.CORRUPT_MESSAGE
    if (bytes.readInt8(at + 16) !== 2) return ERROR.UNSUPPORTED_FOR_MESSAGE_FORMAT
    const end = at + BYTES_BEFORE_LENGTH_ENDS + bytes.readInt32BE(at + 8)
    if (end > bytes.length || end - at < HEADER_BYTES) return ERROR.CORRUPT_MESSAGE
    const batch = parseHeader(bytes.subarray(at, end))
    if (batch === null) return ERROR.INVALID_RECORD
    batches.push(batch)
    at = end
  }
  return batches.length === 0 ? ERROR.INVALID_RECORD : batches
}

function parseHeader(bytes: Buffer): ProducedBatch | null {
  const records = bytes.readInt32BE(57)
  if (records <= 0 || bytes.readInt32BE(23) !== records - 1) return null
  if ((bytes.readInt16BE(21) & TRANSACTIONAL_OR_CONTROL) !== 0) return null
  return {
    bytes,
    records,
    baseTimestamp: Number(bytes.readBigInt64BE(27)),
    maxTimestamp: Number(bytes.readBigInt64BE(35)),
    producerId: Number(bytes.readBigInt64BE(43)),
    producerEpoch: bytes.readInt16BE(51),
    firstSequence: bytes.readInt32BE(53),
  }
}

/** Gives the batch its place in the log. Neither field is covered by the checksum. */
export function place(bytes: Buffer, baseOffset: number, leaderEpoch: number): void {
  bytes.writeBigInt64BE(BigInt(baseOffset), 0)
  bytes.writeInt32BE(leaderEpoch, 12)
}

/**
 * A detector's state as it lies in its row: a zstd frame (RFC 8878). Most of a state is counters that still stand at zero, so a twentieth
 * is left of it, and the worker makes that in milliseconds: PostgreSQL's own compression of the column (pglz) took twenty times as long.
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompressSync } from 'node:zlib'

const MAGIC = 0xfd2fb528
/** No state is as long: what unpacks to more is none of ours. */
const BYTES_MAX = 512 << 20
const PACK = { chunkSize: 256 << 10, params: { [constants.ZSTD_c_compressionLevel]: 1 } }

const compressed = promisify(zstdCompress)

/** Made beside the thread, in pieces: a large state would keep the event loop for tens of milliseconds. */
export function packedState(state: Uint8Array): Promise<Buffer> {
  return compressed(state, PACK)
}

/** What was packed; what was stored before states were, or is damaged, as it is: the reader of a state tells what is none. */
export function unpackedState(stored: Uint8Array): Uint8Array {
  if (stored.length < 4 || new DataView(stored.buffer, stored.byteOffset).getUint32(0, true) !== MAGIC) return stored
  try {
    return zstdDecompressSync(stored, { maxOutputLength: BYTES_MAX })
  } catch {
    return stored
  }
}

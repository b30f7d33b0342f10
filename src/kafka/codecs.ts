/** What Kafka compresses record batches with, by the three bits of a batch's attributes. Every decoder has an output limit. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { lz4Decompress } from './lz4.ts'
import { snappyDecompress } from './snappy.ts'

/** In the order of their numbers on the wire. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof CODECS)[number]

/** The plain bytes; throws where the input is malformed or its content longer than `bytesMax`. */
export function decompress(codec: Codec, input: Buffer, bytesMax: number): Buffer {
  switch (codec) {
    case 'none':
      return input
    case 'gzip':
      return gunzipSync(input, { maxOutputLength: bytesMax, chunkSize: chunkBytes(input) })
    case 'snappy':
      return snappyDecompress(input, bytesMax)
    case 'lz4':
      return lz4Decompress(input, bytesMax)
    case 'zstd':
      return zstdDecompressSync(input, { maxOutputLength: bytesMax, chunkSize: chunkBytes(input) })
  }
}

/** zlib's default of 16 KiB means a concatenation for nearly every batch. */
function chunkBytes(input: Buffer): number {
  return Math.min(1 << 20, Math.max(16 << 10, input.length * 6))
}

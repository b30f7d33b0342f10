/**
 * LZ4 frames, checked before they are decompressed. The client library's decoder (WebAssembly, five times as fast as one in
 * JavaScript) takes no output limit and ends in a trap on bad input, so every sequence is looked at first: that costs a
 * quarter of the decoding, tells the exact length of the content, and leaves the decoder nothing to fail on.
 *
 *   frame => magic:u32 flags:u8 descriptor:u8 [content_size:u64] [dictionary:u32] header_checksum:u8 block* 0:u32 [checksum:u32]
 *   block => size:u32 (high bit: stored as it is) bytes [checksum:u32]
 *   sequence => token:u8 [literal_length:u8*] literals [distance:u16 [match_length:u8*]]
 *
 * Little-endian throughout. Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md
 */
import { compressionsAlgorithms } from '@platformatic/kafka'

const MAGIC = 0x184d2204
const STORED = 0x80000000
const BLOCK_BYTES_MAX: Readonly<Record<number, number>> = { 4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20 }

/** The frame's content; throws where it is malformed or longer than `bytesMax`. */
export function lz4Decompress(input: Buffer, bytesMax: number): Buffer {
  const { end, blockBytesMax, blockTrailerBytes, linked } = readHeader(input)
  let total = 0
  for (let at = end; ; ) {
    if (at + 4 > input.length) throw new RangeError('lz4: the frame ends within a block')
    const size = input.readUInt32LE(at)
    at += 4
    if (size === 0) break
    const bytes = size & 0x7fffffff
    if (bytes > blockBytesMax || at + bytes > input.length) throw new RangeError('lz4: a block is too long')
    const limit = Math.min(bytesMax - total, blockBytesMax)
    const block = { input, from: at, to: at + bytes, before: linked ? total : 0, limit }
    total += (size & STORED) === 0 ? contentBytes(block) : bytes
    if (total > bytesMax) throw new RangeError(`lz4: more than ${bytesMax} bytes`)
    at += bytes + blockTrailerBytes
  }
  return compressionsAlgorithms.lz4.decompressSync(input)
}

interface Header {
  readonly end: number
  readonly blockBytesMax: number
  readonly blockTrailerBytes: 0 | 4
  /** Matches may reach into the blocks before. */
  readonly linked: boolean
}

function readHeader(input: Buffer): Header {
  if (input.length < 7 || input.readUInt32LE(0) !== MAGIC) throw new RangeError('lz4: no frame')
  const flags = input[4]!
  const blockBytesMax = BLOCK_BYTES_MAX[(input[5]! >> 4) & 7]
  const needsDictionary = (flags & 1) !== 0
  if (flags >> 6 !== 1 || blockBytesMax === undefined || needsDictionary) {
    throw new RangeError('lz4: an unknown kind of frame')
  }
  return {
    end: 7 + (flags & 8 ? 8 : 0),
    blockBytesMax,
    blockTrailerBytes: flags & 16 ? 4 : 0,
    linked: (flags & 32) === 0,
  }
}

interface Block {
  readonly input: Buffer
  readonly from: number
  readonly to: number
  /** Bytes of content before it that a match may reach. */
  readonly before: number
  /** Longest content allowed. */
  readonly limit: number
}

/** What a block decompresses to, in bytes, each of its sequences checked. */
function contentBytes({ input, from, to, before, limit }: Block): number {
  let at = from
  let bytes = 0
  while (at < to) {
    const token = input[at++]!
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255 && at < to) literals += more = input[at++]!
    }
    at += literals
    bytes += literals
    if (bytes > limit) throw new RangeError('lz4: a block with more content than allowed')
    if (at === to) return bytes
    if (at + 2 > to) break
    const distance = input[at]! | (input[at + 1]! << 8)
    if (distance === 0 || distance > before + bytes) throw new RangeError('lz4: a match with nothing before it')
    at += 2
    let length = token & 15
    if (length === 15) {
      let more = 255
      while (more === 255 && at < to) length += more = input[at++]!
    }
    bytes += length + 4
  }
  throw new RangeError('lz4: a block ends within a sequence')
}

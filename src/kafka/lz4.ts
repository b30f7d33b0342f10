/**
 * LZ4 frames, read only. Own code because the client library's decoder takes no output limit and ends in a trap on bad input.
 *
 *   frame => magic:u32 flags:u8 descriptor:u8 [content_size:u64] [dictionary:u32] header_checksum:u8 block* 0:u32 [checksum:u32]
 *   block => size:u32 (high bit: stored as it is) bytes [checksum:u32]
 *   sequence => token:u8 [literal_length:u8*] literals [distance:u16 [match_length:u8*]]
 *
 * The frame's own checksums aren't looked at: the record batch around it has one. Little-endian throughout.
 * Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md
 */
import { copyMatch } from './match-copy.ts'

const MAGIC = 0x184d2204
const STORED = 0x80000000
const BLOCK_BYTES_MAX: Readonly<Record<number, number>> = { 4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20 }

/** The frame's content; throws a RangeError where it is malformed or longer than `bytesMax`. */
export function lz4Decompress(input: Buffer, bytesMax: number): Buffer {
  const header = readHeader(input)
  let at = header.end
  let output: Buffer = Buffer.allocUnsafe(
    Math.min(bytesMax, header.contentBytes ?? input.length * 4, input.length * 255),
  )
  let written = 0
  for (;;) {
    if (at + 4 > input.length) throw new RangeError('lz4: the frame ends within a block')
    const size = input.readUInt32LE(at)
    at += 4
    if (size === 0) break
    const bytes = size & 0x7fffffff
    if (bytes > header.blockBytesMax || at + bytes > input.length) throw new RangeError('lz4: a block is too long')
    const need = Math.min(bytesMax, written + ((size & STORED) === 0 ? header.blockBytesMax : bytes))
    if (need > output.length) output = grown(output, written, need, bytesMax)
    if ((size & STORED) === 0) {
      written = decodeBlock(input, at, at + bytes, output, written, need)
    } else {
      if (written + bytes > need) throw new RangeError(`lz4: more than ${bytesMax} bytes`)
      written += input.copy(output, written, at, at + bytes)
    }
    at += bytes + header.blockTrailerBytes
  }
  // A view would keep the slack alive as long as one record of the batch.
  return output.length - written > written >> 2 ? Buffer.from(output.subarray(0, written)) : output.subarray(0, written)
}

interface Header {
  readonly end: number
  readonly blockBytesMax: number
  readonly blockTrailerBytes: 0 | 4
  readonly contentBytes: number | null
}

function readHeader(input: Buffer): Header {
  if (input.length < 7 || input.readUInt32LE(0) !== MAGIC) throw new RangeError('lz4: no frame')
  const flags = input[4]!
  const blockBytesMax = BLOCK_BYTES_MAX[(input[5]! >> 4) & 7]
  if (flags >> 6 !== 1 || blockBytesMax === undefined) throw new RangeError('lz4: an unknown kind of frame')
  const hasContentBytes = (flags & 8) !== 0
  const end = 7 + (hasContentBytes ? 8 : 0) + (flags & 1 ? 4 : 0)
  if (end > input.length) throw new RangeError('lz4: the frame ends within its header')
  return {
    end,
    blockBytesMax,
    blockTrailerBytes: flags & 16 ? 4 : 0,
    contentBytes: hasContentBytes ? input.readUInt32LE(6) + input.readUInt32LE(10) * 2 ** 32 : null,
  }
}

function grown(output: Buffer, written: number, need: number, bytesMax: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(need, output.length * 2)))
  output.copy(larger, 0, 0, written)
  return larger
}

/** Decodes one block behind `start` of the output, which holds the blocks before it; returns the new end. */
function decodeBlock(input: Buffer, from: number, to: number, output: Buffer, start: number, limit: number): number {
  let at = from
  let written = start
  while (at < to) {
    const token = input[at++]!
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255 && at < to) literals += more = input[at++]!
    }
    if (at + literals > to || written + literals > limit) throw new RangeError('lz4: literals beyond a limit')
    if (literals > 32) {
      input.copy(output, written, at, at + literals)
      written += literals
      at += literals
    } else {
      for (const end = at + literals; at < end; ) output[written++] = input[at++]!
    }
    if (at === to) return written
    if (at + 2 > to) break
    const distance = input[at]! | (input[at + 1]! << 8)
    at += 2
    let length = token & 15
    if (length === 15) {
      let more = 255
      while (more === 255 && at < to) length += more = input[at++]!
    }
    length += 4
    if (distance === 0 || distance > written || written + length > limit) throw new RangeError('lz4: a bad match')
    copyMatch(output, written, distance, length)
    written += length
  }
  throw new RangeError('lz4: a block ends within a sequence')
}

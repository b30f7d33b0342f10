/**
 * Snappy, read only: a raw block, or the framing of the Java library (xerial) that Kafka's own producer writes.
 * Own code because the client library's decoder takes no output limit and ends in a trap on bad input.
 *
 *   block => length:uvarint element*
 *   element => tag:u8 ...            low two bits: 0 literals, 1 copy with 11 bits of distance, 2 with 16, 3 with 32
 *   xerial => 82 53 4e 41 50 50 59 00 version:u32 compatible:u32 (size:u32 block)*      big-endian
 *
 * Source: https://github.com/google/snappy/blob/main/format_description.txt
 */
import { copyMatch } from './match-copy.ts'

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/** The content; throws a RangeError where it is malformed or longer than `bytesMax`. */
export function snappyDecompress(input: Buffer, bytesMax: number): Buffer {
  const blocks = findBlocks(input)
  let total = 0
  for (const block of blocks) total += readLength(input, block).bytes
  if (total > bytesMax) throw new RangeError(`snappy: ${total} bytes, more than ${bytesMax}`)
  const output = Buffer.allocUnsafe(total)
  let written = 0
  for (const block of blocks) {
    const { bytes, end } = readLength(input, block)
    decodeBlock({ input, from: end, to: block.to, output, start: written, limit: written + bytes })
    written += bytes
  }
  return output
}

interface Block {
  readonly from: number
  readonly to: number
}

function findBlocks(input: Buffer): Block[] {
  if (input.length < XERIAL_HEADER_BYTES || XERIAL.compare(input, 0, XERIAL.length) !== 0) {
    return [{ from: 0, to: input.length }]
  }
  const blocks: Block[] = []
  for (let at = XERIAL_HEADER_BYTES; at < input.length; ) {
    if (at + 4 > input.length) throw new RangeError('snappy: the framing ends within a size')
    const from = at + 4
    at = from + input.readUInt32BE(at)
    if (at > input.length) throw new RangeError('snappy: the framing ends within a block')
    blocks.push({ from, to: at })
  }
  return blocks
}

function readLength(input: Buffer, block: Block): { bytes: number; end: number } {
  let bytes = 0
  for (let at = block.from, scale = 1; at < block.to && at < block.from + 5; at++, scale *= 128) {
    const byte = input[at]!
    bytes += (byte & 0x7f) * scale
    if (byte < 128) return { bytes, end: at + 1 }
  }
  throw new RangeError('snappy: a block without its length')
}

interface Decoding {
  readonly input: Buffer
  readonly from: number
  readonly to: number
  readonly output: Buffer
  readonly start: number
  readonly limit: number
}

function decodeBlock({ input, from, to, output, start, limit }: Decoding): void {
  let at = from
  let written = start
  while (at < to) {
    const tag = input[at++]!
    const kind = tag & 3
    let length = (tag >> 2) + 1
    if (kind === 0) {
      if (length > 60) {
        const extra = length - 60
        if (at + extra > to) throw new RangeError('snappy: a block ends within a length')
        length = input.readUIntLE(at, extra) + 1
        at += extra
      }
      if (at + length > to || written + length > limit) throw new RangeError('snappy: literals beyond a limit')
      if (length > 32) input.copy(output, written, at, at + length)
      else for (let index = 0; index < length; index++) output[written + index] = input[at + index]!
      at += length
    } else {
      const bytes = kind === 3 ? 4 : kind
      if (at + bytes > to) throw new RangeError('snappy: a block ends within a distance')
      let distance = input.readUIntLE(at, bytes)
      at += bytes
      if (kind === 1) {
        length = ((tag >> 2) & 7) + 4
        distance |= (tag >> 5) << 8
      }
      if (distance === 0 || distance > written - start || written + length > limit) {
        throw new RangeError('snappy: a bad match')
      }
      copyMatch(output, written, distance, length)
    }
    written += length
  }
  if (written !== limit) throw new RangeError('snappy: a block shorter than it says')
}

/**
 * Snappy, a raw block or the framing of the Java library (xerial) that Kafka's own producer writes; checked element by element
 * before the client library decompresses it, for the reasons told in lz4.ts.
 *
 *   block => length:uvarint element*
 *   element => tag:u8 ...            low two bits: 0 literals, 1 copy with 11 bits of distance, 2 with 16, 3 with 32
 *   xerial => 82 53 4e 41 50 50 59 00 version:u32 compatible:u32 (size:u32 block)*      big-endian
 *
 * Source: https://github.com/google/snappy/blob/main/format_description.txt
 */
import { compressionsAlgorithms } from '@platformatic/kafka'

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16

/** The content; throws where it is malformed or longer than `bytesMax`. */
export function snappyDecompress(input: Buffer, bytesMax: number): Buffer {
  if (input.length < XERIAL.length || XERIAL.compare(input, 0, XERIAL.length) !== 0) {
    checkBlock(input, 0, input.length, bytesMax)
    return compressionsAlgorithms.snappy.decompressSync(input)
  }
  if (input.length < XERIAL_HEADER_BYTES) throw new RangeError('snappy: the framing ends within its header')
  let total = 0
  for (let at = XERIAL_HEADER_BYTES; at < input.length; ) {
    if (at + 4 > input.length) throw new RangeError('snappy: the framing ends within a size')
    const from = at + 4
    at = from + input.readUInt32BE(at)
    if (at > input.length) throw new RangeError('snappy: the framing ends within a block')
    total += checkBlock(input, from, at, bytesMax - total)
  }
  return compressionsAlgorithms.snappy.decompressSync(input)
}

/** The bytes of content that the block says it has, and does have. */
function checkBlock(input: Buffer, from: number, to: number, limit: number): number {
  let at = from
  let expected = 0
  for (let scale = 1; ; scale *= 128) {
    if (at === to || at === from + 5) throw new RangeError('snappy: a block without its length')
    const byte = input[at++]!
    expected += (byte & 0x7f) * scale
    if (byte < 128) break
  }
  if (expected > limit) throw new RangeError(`snappy: ${expected} bytes, more than ${limit}`)
  let bytes = 0
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
      at += length
    } else {
      const extra = kind === 3 ? 4 : kind
      if (at + extra > to) throw new RangeError('snappy: a block ends within a distance')
      let distance = input[at]!
      if (kind === 1) {
        length = ((tag >> 2) & 7) + 4
        distance |= (tag >> 5) << 8
      } else {
        distance = kind === 2 ? distance | (input[at + 1]! << 8) : input.readUInt32LE(at)
      }
      at += extra
      if (distance === 0 || distance > bytes) throw new RangeError('snappy: a match with nothing before it')
    }
    bytes += length
  }
  if (at !== to || bytes !== expected) throw new RangeError('snappy: a block that is not as long as it says')
  return bytes
}

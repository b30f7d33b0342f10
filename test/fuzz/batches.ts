/** Record batches as a broken broker, disk or wire would hand them over: flipped bits, cut ends, absurd lengths, bombs in every codec. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import type { Random } from '../../src/demo/random.ts'
import { CODECS, type Codec } from '../../src/kafka/codecs.ts'
import { crc32c } from '../../src/kafka/crc32c.ts'
import { writeRecordBatch } from '../../src/kafka/record-batch-writer.ts'
import { readRange } from '../../src/kafka/record-range.ts'
import type { FetchedPartition } from '../../src/kafka/transport.ts'
import { type Finding, SLOW_MS } from './messages.ts'
import { mutate } from './mutations.ts'
import { stopwatch } from './stopwatch.ts'

export const PLAIN_BYTES_MAX = 8 << 20
const HEADER_BYTES = 61

function pick<T>(of: readonly T[], random: Random): T {
  const one = of[random.below(of.length)]
  if (one === undefined) throw new RangeError('nothing to pick')
  return one
}

function valid(random: Random): Buffer {
  const records = Array.from({ length: 1 + random.below(5) }, () => ({
    key: random.next() < 0.3 ? Buffer.from(random.hex(random.below(9))) : null,
    value: random.next() < 0.1 ? null : Buffer.from(random.hex(random.below(200))),
    headers: random.next() < 0.2 ? ([['h', Buffer.from('v')]] as const) : [],
  }))
  return writeRecordBatch(records, { codec: pick(CODECS, random), nowMs: 1_764_720_000_000 })
}

/** With a checksum that holds, so that what lies behind it is reached. */
function sealed(batch: Buffer): Buffer {
  if (batch.length < HEADER_BYTES) return batch
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

function absurd(random: Random): Buffer {
  const batch = valid(random)
  const extremes = [0, -1, 1, 0x7f_ff_ff_ff, -0x80_00_00_00, 61, 0x7f_00_00_00]
  const places = [8, 12, 17, 23, 53, 57, 27, 35]
  batch.writeInt32BE(pick(extremes, random), pick(places, random))
  if (random.next() < 0.5) batch[HEADER_BYTES] = random.below(256)
  return random.next() < 0.6 ? sealed(batch) : batch
}

/** A payload that says little and unpacks to much. */
export function bomb(codec: Exclude<Codec, 'none'>, bytes: number): Buffer {
  const zeros = Buffer.alloc(bytes)
  const packed =
    codec === 'gzip'
      ? gzipSync(zeros)
      : codec === 'zstd'
        ? zstdCompressSync(zeros)
        : compressionsAlgorithms[codec].compressSync(zeros)
  const head = writeRecordBatch([{ value: Buffer.from('x') }], { codec: 'none', nowMs: 0 }).subarray(0, HEADER_BYTES)
  const batch = Buffer.concat([head, packed])
  batch.writeInt16BE(CODECS.indexOf(codec), 21)
  return sealed(batch)
}

function section(random: Random): Buffer {
  const kind = random.next()
  if (kind < 0.25) return mutate(valid(random), random)
  if (kind < 0.5) {
    // Only behind the header: the codec and the record reader meet it.
    const batch = valid(random)
    return sealed(Buffer.concat([batch.subarray(0, HEADER_BYTES), mutate(batch.subarray(HEADER_BYTES), random)]))
  }
  if (kind < 0.8) return absurd(random)
  if (kind < 0.9) return Buffer.concat([valid(random), mutate(valid(random), random)])
  if (kind < 0.99) return Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)))
  return sealed(
    Buffer.concat([valid(random).subarray(0, HEADER_BYTES), Buffer.alloc(random.below(100_000), random.below(256))]),
  )
}

export function fetched(batches: Buffer): FetchedPartition {
  return {
    partition: 0,
    errorCode: 0,
    highWatermark: 1e6,
    lastStableOffset: 1e6,
    logStartOffset: 0,
    abortedTransactions: [],
    batches,
  }
}

/** What is wrong with how this section was read, or null. */
export function judgeSection(batches: Buffer, from = 0): string | null {
  const tookMs = stopwatch()
  try {
    const range = readRange(fetched(batches), from, { plainBytesMax: PLAIN_BYTES_MAX })
    if (range.to < range.from || range.holes !== range.to - range.from - range.records.length)
      return 'offsets that do not add up'
    if (range.holes < 0) return 'more records than offsets'
    for (const { offset } of range.records)
      if (offset < range.from || offset >= range.to) return 'a record beyond its range'
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  const ms = tookMs()
  return ms > SLOW_MS && batches.length <= 1 << 20 ? `took ${Math.round(ms)} ms` : null
}

export function fuzzBatches(random: Random, count: number): Finding[] {
  const findings: Finding[] = []
  for (let done = 0; done < count; done++) {
    const batches = section(random)
    const from = random.next() < 0.1 ? random.below(10) : 0
    let what = judgeSection(batches, from)
    // A collection of garbage may fall into one of them.
    if (what?.startsWith('took') === true) what = judgeSection(batches, from)
    if (what !== null) findings.push({ what, input: batches.toString('base64') })
  }
  return findings
}

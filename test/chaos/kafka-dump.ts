/** What Kafka holds, by an independent reader: librdkafka, through kcat. In slices, as a partition of millions fits in no memory. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { epochMs, type RawRecord } from '../../src/log.ts'

const SLICE = 20_000
const BLANK = 0x20

/** All visible records of one partition, in order. Committed ones only; null values are tombstones. Rejects when kcat fails. */
export async function* readPartition(broker: string, topic: string, partition: number): AsyncGenerator<RawRecord[]> {
  const where = ['-b', broker, '-t', topic, '-p', String(partition), '-o', 'beginning', '-e']
  const form = ['-D', '', '-X', 'isolation.level=read_committed', '-f', '%o %T %S %s']
  const child = spawn('kcat', ['-C', '-q', ...where, ...form], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const dump = new KafkaDump()
  let slice: RawRecord[] = []
  for await (const chunk of child.stdout) {
    for (const record of dump.add(chunk)) slice.push(record)
    if (slice.length < SLICE) continue
    yield slice
    slice = []
  }
  const [code] = await ended
  if (code !== 0 || dump.isCut)
    throw new Error(`kcat ended with ${code}${dump.isCut ? ' in the middle of a record' : ''}`)
  if (slice.length > 0) yield slice
}

/** `offset timestamp size bytes`, one record right after the other, in chunks that end anywhere. */
export class KafkaDump {
  #parts: Buffer[] = []
  #length = 0
  /** The first record is not whole before there are so many bytes. */
  #needed = 1

  /** The records that are whole now. */
  add(chunk: Buffer): RawRecord[] {
    this.#parts.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#needed) return []
    const bytes = Buffer.concat(this.#parts)
    const records: RawRecord[] = []
    let at = 0
    this.#needed = 1
    while (at < bytes.length) {
      const head = headAt(bytes, at)
      if (head === null) break
      const end = head.at + Math.max(0, head.size)
      if (end > bytes.length) {
        this.#needed = end - at
        break
      }
      // A copy: the slice must not hold on to all that came with it.
      const value = head.size < 0 ? null : Buffer.from(bytes.subarray(head.at, end))
      records.push({ offset: head.offset, timestamp: epochMs(head.timestamp), key: null, value, headers: null })
      at = end
    }
    this.#parts = at < bytes.length ? [bytes.subarray(at)] : []
    this.#length = bytes.length - at
    return records
  }

  /** Something is left that is no whole record. */
  get isCut(): boolean {
    return this.#length > 0
  }
}

interface Head {
  readonly offset: number
  readonly timestamp: number
  /** -1: a tombstone. */
  readonly size: number
  /** Where the value begins. */
  readonly at: number
}

/** null where its three numbers are not all there. */
function headAt(bytes: Buffer, from: number): Head | null {
  const numbers: number[] = []
  let at = from
  for (let field = 0; field < 3; field++) {
    const end = bytes.indexOf(BLANK, at)
    if (end === -1) return null
    numbers.push(Number(bytes.toString('latin1', at, end)))
    at = end + 1
  }
  const [offset = 0, timestamp = 0, size = 0] = numbers
  return { offset, timestamp, size, at }
}

/**
 * Event time. A partition's watermark is the greatest event time seen; a service counts its logs in buckets of 10 s, of which
 * it keeps 31: the open one and five minutes. A far-future timestamp is cut to the record's own time + 60 s, a very late one
 * counts in the oldest bucket that is kept open for late ones; neither rolls a window.
 */
import type { LogEvent } from '../log.ts'
import type { SnapshotReader, SnapshotWriter } from './snapshot-bytes.ts'

export const BUCKET_MS = 10_000
const RING = 31
const MINUTE_BUCKETS = 6
const GRACE_MS = 60_000
const LATENESS_MS = 120_000

export class EventClock {
  /** ms since the epoch; -1 before the first log. */
  watermark = -1

  /** The log's event time, bounded on both sides; raises the watermark. */
  advance(event: LogEvent): number {
    const created = Number.isFinite(event.createdAt) ? event.createdAt : this.watermark
    if (this.watermark < 0) {
      const first = event.recordTimestamp === null ? created : Math.min(created, event.recordTimestamp + GRACE_MS)
      this.watermark = Math.max(0, first)
      return this.watermark
    }
    if (event.recordTimestamp === null) return this.watermark
    const time = Math.max(Math.min(created, event.recordTimestamp + GRACE_MS), this.watermark - LATENESS_MS)
    if (time > this.watermark) this.watermark = time
    return time
  }
}

/** What is counted in each bucket. */
export const COUNT = { logs: 0, errors: 1, latencies: 2, exceedances: 3 } as const
const KINDS = 4

export class Windows {
  /** Bucket number of the open bucket; -1 before the first log. */
  head = -1
  /** Sums over the open bucket and the six before it, and over the whole ring; indexed by COUNT. */
  readonly minute = new Float64Array(KINDS)
  readonly whole = new Float64Array(KINDS)
  readonly #ring = new Float64Array(RING * KINDS)

  /** Opens the next bucket and forgets the oldest. */
  roll(): void {
    this.head++
    const opened = (this.head % RING) * KINDS
    const leaving = ((this.head - MINUTE_BUCKETS - 1 + RING) % RING) * KINDS
    for (let kind = 0; kind < KINDS; kind++) {
      this.whole[kind]! -= this.#ring[opened + kind]!
      this.#ring[opened + kind] = 0
      this.minute[kind]! -= this.#ring[leaving + kind]!
    }
  }

  /** Starts empty at a bucket: the first log, or after a silence longer than the ring. */
  restart(bucket: number): void {
    this.head = bucket
    this.#ring.fill(0)
    this.minute.fill(0)
    this.whole.fill(0)
  }

  add(bucket: number, kind: number): void {
    const age = this.head - bucket
    if (age < 0 || age >= RING) return
    this.#ring[(bucket % RING) * KINDS + kind]! += 1
    this.whole[kind]! += 1
    if (age <= MINUTE_BUCKETS) this.minute[kind]! += 1
  }

  /** A count of the open bucket. */
  open(kind: number): number {
    return this.#ring[(this.head % RING) * KINDS + kind]!
  }

  save(writer: SnapshotWriter): void {
    writer.number(this.head)
    writer.array(this.minute)
    writer.array(this.whole)
    writer.array(this.#ring)
  }

  load(reader: SnapshotReader): void {
    this.head = reader.number()
    reader.array(this.minute)
    reader.array(this.whole)
    reader.array(this.#ring)
  }
}

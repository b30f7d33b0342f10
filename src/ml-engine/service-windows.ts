/**
 * What each service did in the last five minutes, for /stats and the `metrics` of an answer: counts and latencies in buckets of
 * 10 s of event time. A call costs the 30 buckets, whatever the traffic.
 */
import type { LogEvent } from '../log.ts'

export const WINDOW_MINUTES = 5
const BUCKET_MS = 10_000
const BUCKETS = (WINDOW_MINUTES * 60_000) / BUCKET_MS

/** Columns of a bucket. Latencies in ms; SQUARES is the sum of squared distances from the bucket's mean. */
const LOGS = 0
const ERRORS = 1
const LATENCIES = 2
const MEAN = 3
const SQUARES = 4
const LOWEST = 5
const HIGHEST = 6
const COLUMNS = 7

export interface WindowStats {
  readonly logs: number
  readonly errors: number
  /** In ms, 0 where no log had a latency. */
  readonly latencyMean: number
  readonly latencyDeviation: number
  readonly latencyLowest: number
  readonly latencyHighest: number
}

class Window {
  readonly #numbers = new Int32Array(BUCKETS).fill(-1)
  readonly #columns = new Float64Array(BUCKETS * COLUMNS)
  newest = -1

  add(bucket: number, isError: boolean, latencyMs: number | null): void {
    if (bucket <= this.newest - BUCKETS) return
    const place = bucket % BUCKETS
    const at = place * COLUMNS
    const columns = this.#columns
    if (this.#numbers[place] !== bucket) {
      this.#numbers[place] = bucket
      columns.fill(0, at, at + COLUMNS)
    }
    if (bucket > this.newest) this.newest = bucket
    columns[at + LOGS]!++
    if (isError) columns[at + ERRORS]!++
    if (latencyMs === null) return
    // Welford 1962: no sum of squares that would swallow a small spread around a large mean.
    const count = ++columns[at + LATENCIES]!
    const off = latencyMs - columns[at + MEAN]!
    columns[at + MEAN]! += off / count
    columns[at + SQUARES]! += off * (latencyMs - columns[at + MEAN]!)
    columns[at + LOWEST] = count === 1 ? latencyMs : Math.min(columns[at + LOWEST]!, latencyMs)
    columns[at + HIGHEST] = Math.max(columns[at + HIGHEST]!, latencyMs)
  }

  /** The buckets up to `bucket` that are not older than the window. */
  stats(bucket: number): WindowStats {
    const columns = this.#columns
    let [logs, errors, count, mean, squares] = [0, 0, 0, 0, 0]
    let [lowest, highest] = [Number.POSITIVE_INFINITY, 0]
    for (let place = 0; place < BUCKETS; place++) {
      const age = bucket - this.#numbers[place]!
      if (this.#numbers[place]! < 0 || age < 0 || age >= BUCKETS) continue
      const at = place * COLUMNS
      logs += columns[at + LOGS]!
      errors += columns[at + ERRORS]!
      const more = columns[at + LATENCIES]!
      if (more === 0) continue
      // Chan, Golub, LeVeque 1983: two sets' means and squares to those of both.
      const off = columns[at + MEAN]! - mean
      const both = count + more
      mean += (off * more) / both
      squares += columns[at + SQUARES]! + (off * off * count * more) / both
      count = both
      lowest = Math.min(lowest, columns[at + LOWEST]!)
      highest = Math.max(highest, columns[at + HIGHEST]!)
    }
    return {
      logs,
      errors,
      latencyMean: mean,
      latencyDeviation: count === 0 ? 0 : Math.sqrt(squares / count),
      latencyLowest: count === 0 ? 0 : lowest,
      latencyHighest: highest,
    }
  }
}

export class ServiceWindows {
  readonly #servicesMax: number
  readonly #windows = new Map<string, Window>()
  /** Shared by the services beyond the limit, so that their answers have metrics too. */
  readonly #overflow = new Window()
  /** Event time flows on with the clock from the newest log: a replayed hour has its own "now". */
  #newestMs = 0
  #newestArrivalMs = 0
  #sweptBucket = -1

  constructor(servicesMax: number) {
    this.#servicesMax = servicesMax
  }

  get size(): number {
    return this.#windows.size
  }

  add(event: LogEvent, arrivalMs: number): void {
    if (event.createdAt >= this.#newestMs) {
      this.#newestMs = event.createdAt
      this.#newestArrivalMs = arrivalMs
    }
    const bucket = bucketOf(event.createdAt)
    const isError = event.level === 'ERROR' || event.level === 'FATAL'
    this.#window(event.service, bucket).add(bucket, isError, event.latencyMs)
  }

  /** The window in which the log stands that was added last. */
  around(event: LogEvent): WindowStats {
    const window = this.#windows.get(event.service) ?? this.#overflow
    return window.stats(Math.max(bucketOf(event.createdAt), window.newest))
  }

  /** null: a service that never logged, or one beyond the limit. */
  of(service: string, nowMs: number): WindowStats | null {
    const flowed = Math.max(0, nowMs - this.#newestArrivalMs)
    return this.#windows.get(service)?.stats(bucketOf(this.#newestMs + flowed)) ?? null
  }

  #window(service: string, bucket: number): Window {
    const known = this.#windows.get(service)
    if (known !== undefined) return known
    if (this.#windows.size >= this.#servicesMax) this.#sweep(bucket)
    if (this.#windows.size >= this.#servicesMax) return this.#overflow
    const window = new Window()
    this.#windows.set(service, window)
    return window
  }

  /** Room for new services where old ones have been silent for the whole window; looked for once a bucket. */
  #sweep(bucket: number): void {
    if (bucket <= this.#sweptBucket) return
    this.#sweptBucket = bucket
    for (const [service, window] of this.#windows) if (window.newest <= bucket - BUCKETS) this.#windows.delete(service)
  }
}

function bucketOf(timeMs: number): number {
  return Math.floor(timeMs / BUCKET_MS)
}

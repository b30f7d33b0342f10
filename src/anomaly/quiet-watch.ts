/**
 * What no log can carry: a service that falls silent, or whose traffic drops. Looked at whenever event time enters another 10-second
 * bucket, also for services without a log. The fewer logs than usual, and the longer, the surer (Chernoff bound of a Poisson count,
 * widened by the service's own restlessness and held against its history of block maxima). An alert closes when a minute brings
 * most of the usual logs again, or when there is no usual any more.
 *
 * What it is bad at: it sees event time only, which stands still while the whole partition is silent.
 */
import type { AlertKind } from '../service-alert.ts'
import type { BlockMaxima } from './block-maxima.ts'
import { BUCKET_SECONDS, type EventWindows, LOGS } from './event-windows.ts'
import { deficitSurprise } from './probability.ts'
import { Slab } from './slab.ts'
import type { Volume } from './volume.ts'

/** Spans in buckets. A restart of a service takes about 20 s: it must neither be silence nor most of a drop. */
const SILENCE_BUCKETS_MIN = 3
const DROP_SPANS = [4, 6, 9, 12, 18, 29]
/** A drop leaves less than this share of the usual; recovered is what brings this much again within a minute. */
const DROP_SHARE = 0.4
const RECOVERED_SHARE = 0.6
const RECOVERY_BUCKETS = 6
const OPENS_AT = 3.3
/** A service that never lived for longer was a job, and is missed by nobody. */
const LIFE_BUCKETS_MIN = 60
/** Less than this in five minutes can't be missed. */
const EXPECTED_MIN = 2
const KINDS: readonly (AlertKind | null)[] = [null, 'silence', 'drop']
/** Columns of the open alert: its times, and the logs a minute that were expected. */
const SINCE_MS = 0
const RAISED_AT_MS = 1
const EXPECTED = 2
/** Columns in buckets and kinds: the open alert's place in KINDS, bucket of the last log, of the first one, and the first since which every log was seen. */
const KIND = 0
const LAST_LOG = 1
const FIRST_LOG = 2
const WATCHED_SINCE = 3

/** What the service looked like when the alert opened or closed. */
export interface Quiet {
  readonly kind: AlertKind
  readonly sinceMs: number
  readonly raisedAtMs: number
  /** Event time of what is told. */
  readonly untilMs: number
  readonly closed: boolean
  /** Logs a minute. */
  readonly observed: number
  readonly expected: number
  /** Seconds over which they were observed. */
  readonly seconds: number
  readonly surprise: number
}

export class QuietWatch {
  readonly #doubles: Float64Array
  readonly #integers: Int32Array
  /** Where the columns of the open alert begin, and those in buckets. */
  readonly #alert: number
  readonly #buckets: number

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#integers = slab.allIntegers
    this.#alert = slab.placeOfDoubles(3)
    this.#buckets = slab.placeOfIntegers(4)
    this.#integers.fill(-1, this.#buckets, this.#buckets + 4)
    this.#integers[this.#buckets + KIND] = 0
  }

  get open(): boolean {
    return this.#integers[this.#buckets + KIND] !== 0
  }

  get sinceSeconds(): number {
    return this.#doubles[this.#alert + SINCE_MS]! / 1000
  }

  /** Bucket of the last log; -1 without one. */
  get lastLog(): number {
    return this.#integers[this.#buckets + LAST_LOG]!
  }

  /** A log came in the bucket. */
  note(bucket: number): void {
    const integers = this.#integers
    const at = this.#buckets
    if (integers[at + FIRST_LOG]! < 0) integers[at + FIRST_LOG] = bucket
    if (bucket > integers[at + LAST_LOG]!) integers[at + LAST_LOG] = bucket
  }

  /** What came before is unknown. */
  restart(bucket: number): void {
    this.#integers[this.#buckets + WATCHED_SINCE] = bucket
    if (this.lastLog < bucket) this.#integers[this.#buckets + LAST_LOG] = bucket - 1
  }

  /** `windows` have just entered their newest bucket. Gives an alert that opens or closes now. */
  look(windows: EventWindows, volume: Volume, history: BlockMaxima): Quiet | null {
    if (!volume.known || this.lastLog - this.#integers[this.#buckets + FIRST_LOG]! < LIFE_BUCKETS_MIN) return null
    return this.open ? this.#mayClose(windows, volume) : this.#mayOpen(windows, volume, history)
  }

  /** Ends an open alert, since nobody will watch the service any more. */
  abandon(nowMs: number): Quiet | null {
    return !this.open ? null : this.#close({ nowMs, observed: 0, surprise: 0 })
  }

  #mayOpen(windows: EventWindows, volume: Volume, history: BlockMaxima): Quiet | null {
    const { bucket } = windows
    const watched = bucket - this.#integers[this.#buckets + WATCHED_SINCE]!
    const silent = Math.min(watched, bucket - 1 - this.lastLog)
    let surprise = silent >= SILENCE_BUCKETS_MIN ? deficitSurprise(0, volume.rate * silent) : 0
    let span = surprise > 0 ? silent : 0
    for (const buckets of DROP_SPANS) {
      if (buckets > watched) break
      const logs = windows.before(buckets, LOGS)
      const usual = volume.rate * buckets
      const found = logs < DROP_SHARE * usual ? deficitSurprise(logs, usual) : 0
      if (found <= surprise) continue
      surprise = found
      span = buckets
    }
    surprise = history.calibrate(surprise / volume.restlessness)
    if (surprise < OPENS_AT || volume.rate * 30 < EXPECTED_MIN) return null
    const silence = span === silent
    const logs = silence ? 0 : windows.before(span, LOGS)
    const raisedAtMs = bucket * BUCKET_SECONDS * 1000
    this.#integers[this.#buckets + KIND] = KINDS.indexOf(silence ? 'silence' : 'drop')
    this.#doubles[this.#alert + SINCE_MS] = (bucket - span) * BUCKET_SECONDS * 1000
    this.#doubles[this.#alert + RAISED_AT_MS] = raisedAtMs
    this.#doubles[this.#alert + EXPECTED] = volume.perMinute
    const seconds = span * BUCKET_SECONDS
    return this.#quiet({ closed: false, untilMs: raisedAtMs, observed: (logs / span) * 6, seconds, surprise })
  }

  #mayClose(windows: EventWindows, volume: Volume): Quiet | null {
    const minute = windows.before(RECOVERY_BUCKETS, LOGS)
    const missed = volume.rate * 30 >= EXPECTED_MIN
    if (missed && minute < RECOVERED_SHARE * volume.perMinute) return null
    return this.#close({ nowMs: windows.bucket * BUCKET_SECONDS * 1000, observed: minute, surprise: 0 })
  }

  #close({ nowMs, observed, surprise }: { nowMs: number; observed: number; surprise: number }): Quiet {
    const seconds = Math.max(0, (nowMs - this.#doubles[this.#alert + SINCE_MS]!) / 1000)
    // The quiet minutes before are told of.
    this.#integers[this.#buckets + WATCHED_SINCE] = Math.floor(nowMs / 1000 / BUCKET_SECONDS) - RECOVERY_BUCKETS
    const quiet = this.#quiet({ closed: true, untilMs: nowMs, observed, seconds, surprise })
    this.#integers[this.#buckets + KIND] = 0
    return quiet
  }

  #quiet(of: { closed: boolean; untilMs: number; observed: number; seconds: number; surprise: number }): Quiet {
    return {
      ...of,
      kind: KINDS[this.#integers[this.#buckets + KIND]!] ?? 'silence',
      sinceMs: this.#doubles[this.#alert + SINCE_MS]!,
      raisedAtMs: this.#doubles[this.#alert + RAISED_AT_MS]!,
      expected: this.#doubles[this.#alert + EXPECTED]!,
    }
  }
}

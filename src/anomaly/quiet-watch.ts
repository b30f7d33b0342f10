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
import type { StateBytes } from './state-bytes.ts'
import type { Volume } from './volume.ts'

/** Spans in buckets. A restart of a service takes about 20 s: it must neither be silence nor most of a drop. */
const SILENCE_BUCKETS_MIN = 3
const DROP_SPANS = [4, 6, 9, 12, 18, 29]
/** A drop leaves less than this share of the usual; recovered is what brings this much again within a minute. */
const DROP_SHARE = 0.4
const RECOVERED_SHARE = 0.6
const RECOVERY_BUCKETS = 6
const OPENS_AT = 3.7
/** A service that never lived for longer was a job, and is missed by nobody. */
const LIFE_BUCKETS_MIN = 60
/** Less than this in five minutes can't be missed. */
const EXPECTED_MIN = 2
const KINDS: readonly (AlertKind | null)[] = [null, 'silence', 'drop']

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
  #kind: AlertKind | null = null
  #sinceMs = 0
  #raisedAtMs = 0
  #expected = 0
  /** Bucket of the last log, and the first bucket since which every log was seen. */
  #lastLog = -1
  #watchedSince = -1
  #firstLog = -1

  get open(): boolean {
    return this.#kind !== null
  }

  get sinceSeconds(): number {
    return this.#sinceMs / 1000
  }

  /** Bucket of the last log; -1 without one. */
  get lastLog(): number {
    return this.#lastLog
  }

  /** A log came in the bucket. */
  note(bucket: number): void {
    if (this.#firstLog < 0) this.#firstLog = bucket
    if (bucket > this.#lastLog) this.#lastLog = bucket
  }

  /** What came before is unknown. */
  restart(bucket: number): void {
    this.#watchedSince = bucket
    if (this.#lastLog < bucket) this.#lastLog = bucket - 1
  }

  /** `windows` have just entered their newest bucket. Gives an alert that opens or closes now. */
  look(windows: EventWindows, volume: Volume, history: BlockMaxima): Quiet | null {
    if (!volume.known || this.#lastLog - this.#firstLog < LIFE_BUCKETS_MIN) return null
    return this.#kind === null ? this.#mayOpen(windows, volume, history) : this.#mayClose(windows, volume)
  }

  /** Ends an open alert, since nobody will watch the service any more. */
  abandon(nowMs: number): Quiet | null {
    return this.#kind === null ? null : this.#close({ nowMs, observed: 0, surprise: 0 })
  }

  exchange(bytes: StateBytes): void {
    this.#kind = KINDS[bytes.number(KINDS.indexOf(this.#kind))] ?? null
    this.#sinceMs = bytes.number(this.#sinceMs)
    this.#raisedAtMs = bytes.number(this.#raisedAtMs)
    this.#expected = bytes.number(this.#expected)
    this.#lastLog = bytes.number(this.#lastLog)
    this.#watchedSince = bytes.number(this.#watchedSince)
    this.#firstLog = bytes.number(this.#firstLog)
  }

  #mayOpen(windows: EventWindows, volume: Volume, history: BlockMaxima): Quiet | null {
    const { bucket } = windows
    const watched = bucket - this.#watchedSince
    const silent = Math.min(watched, bucket - 1 - this.#lastLog)
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
    this.#kind = silence ? 'silence' : 'drop'
    this.#sinceMs = (bucket - span) * BUCKET_SECONDS * 1000
    this.#raisedAtMs = bucket * BUCKET_SECONDS * 1000
    this.#expected = volume.perMinute
    const seconds = span * BUCKET_SECONDS
    return this.#quiet({ closed: false, untilMs: this.#raisedAtMs, observed: (logs / span) * 6, seconds, surprise })
  }

  #mayClose(windows: EventWindows, volume: Volume): Quiet | null {
    const minute = windows.before(RECOVERY_BUCKETS, LOGS)
    const missed = volume.rate * 30 >= EXPECTED_MIN
    if (missed && minute < RECOVERED_SHARE * volume.perMinute) return null
    return this.#close({ nowMs: windows.bucket * BUCKET_SECONDS * 1000, observed: minute, surprise: 0 })
  }

  #close({ nowMs, observed, surprise }: { nowMs: number; observed: number; surprise: number }): Quiet {
    const seconds = Math.max(0, (nowMs - this.#sinceMs) / 1000)
    // The quiet minutes before are told of.
    this.#watchedSince = Math.floor(nowMs / 1000 / BUCKET_SECONDS) - RECOVERY_BUCKETS
    const quiet = this.#quiet({ closed: true, untilMs: nowMs, observed, seconds, surprise })
    this.#kind = null
    return quiet
  }

  #quiet(of: { closed: boolean; untilMs: number; observed: number; seconds: number; surprise: number }): Quiet {
    return {
      ...of,
      kind: this.#kind ?? 'silence',
      sinceMs: this.#sinceMs,
      raisedAtMs: this.#raisedAtMs,
      expected: this.#expected,
    }
  }
}

/**
 * Event time of a partition: how far it has come, and where a log's own time falls on it.
 *
 * It follows the logs, but not every one of them. While hours of old logs are read within seconds, a single log without a time of
 * its own carries the time of its record, today's; if the clock leapt there, all logs after it would be late for ever. So a leap
 * that the records' time did not make too is believed only when several logs in a row ask for it. What it is bad at: a backlog
 * whose logs lie further apart than AHEAD_MS each counts its first few in the wrong minute.
 */
import type { LogEvent } from '../log.ts'
import type { StateBytes } from './state-bytes.ts'

/** Event time may run this far ahead of the record's own, and this far behind what was seen. */
const BEFORE_RECORD_MS = 60_000
const LATE_MS = 300_000
/** A leap of the clock by more than this needs witnesses. */
const AHEAD_MS = 3_600_000
const WITNESSES = 8

export class EventClock {
  /** Latest event time believed, in epoch ms; 0 before the first log. */
  watermarkMs = 0
  /** The record's time when the clock last moved. */
  #recordMs = 0
  /** Logs in a row that asked for another time. */
  #strangers = 0
  /** Logs that agreed with this time since it was last leapt to; no more than WITNESSES are counted. */
  #witnesses = 0

  /** Of the log placed last, in epoch ms: at most LATE_MS before the watermark and never after it. */
  timeMs = 0

  /** Moves the clock; leaves the log's time in `timeMs`: what is returned may have to be allocated. */
  place({ createdAt, recordTimestamp }: LogEvent): void {
    const recordMs = recordTimestamp ?? this.#recordMs
    const latest = recordTimestamp === null ? this.watermarkMs : recordTimestamp + BEFORE_RECORD_MS
    const askedMs = Math.max(0, Math.min(createdAt, latest))
    const aheadMs = AHEAD_MS + Math.max(0, recordMs - this.#recordMs)
    if (this.watermarkMs === 0) this.#leap(askedMs, recordMs)
    else if (askedMs > this.watermarkMs + aheadMs) this.#stranger(askedMs, recordMs, true)
    else if (askedMs < this.watermarkMs - LATE_MS) this.#stranger(askedMs, recordMs, this.#witnesses < WITNESSES)
    else this.#agree(askedMs, recordMs)
    this.timeMs = Math.min(this.watermarkMs, Math.max(askedMs, this.watermarkMs - LATE_MS))
  }

  exchange(bytes: StateBytes): void {
    this.watermarkMs = bytes.number(this.watermarkMs)
    this.#recordMs = bytes.number(this.#recordMs)
    this.#strangers = bytes.number(this.#strangers)
    this.#witnesses = bytes.number(this.#witnesses)
  }

  #agree(askedMs: number, recordMs: number): void {
    this.#strangers = 0
    if (this.#witnesses < WITNESSES) this.#witnesses++
    if (askedMs <= this.watermarkMs) return
    this.watermarkMs = askedMs
    this.#recordMs = recordMs
  }

  #stranger(askedMs: number, recordMs: number, mayLeap: boolean): void {
    this.#strangers++
    if (mayLeap && this.#strangers >= WITNESSES) this.#leap(askedMs, recordMs)
  }

  #leap(askedMs: number, recordMs: number): void {
    this.watermarkMs = askedMs
    this.#recordMs = recordMs
    this.#witnesses = 0
  }
}

/**
 * When a log says it happened. No guessing: `Date` reads 'foo 1' as 2001 and the 30th of February as the 1st of March.
 *
 *   date    = YYYY-MM-DD
 *   time    = HH:MM [ :SS [ (.|,) digits ] ]        second 60 is a leap second: it becomes 59.999
 *   zone    = Z | (+|-)HH [ [:] MM ]                none: UTC, and not faithful
 *   text    = date [ (T|t|blank) time [ zone ] ]    RFC 3339 and what ISO 8601 allows around it
 *   epoch   = a number, or 9 digits and more as text: seconds, ms, us or ns by size
 *
 * Times are kept to the microsecond, as PostgreSQL keeps them.
 */
import { type EpochMs, epochMs } from '../log.ts'
import { decimal } from './latency.ts'

interface Timestamp {
  readonly at: EpochMs
  /** False where a zone had to be assumed or a leap second to be moved. */
  readonly faithful: boolean
}

const TEXT_LENGTH_MAX = 64
const EPOCH_DIGITS_MIN = 9
const DATE_LENGTH = 10
const DAY_MS = 86_400_000

/** null: not a time. */
export function readTimestamp(sent: unknown): Timestamp | null {
  if (typeof sent === 'number') return epochOf(sent)
  if (typeof sent !== 'string' || sent.length > TEXT_LENGTH_MAX) return null
  const text = sent.trim()
  return isoOf(text) ?? (/^[+-]?\d/.test(text) && countDigits(text) >= EPOCH_DIGITS_MIN ? epochOf(decimal(text)) : null)
}

function epochOf(value: number): Timestamp | null {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return null
  const ms = size < 1e11 ? value * 1000 : size < 1e14 ? value : size < 1e17 ? value / 1000 : value / 1e6
  return { at: toMicroseconds(ms), faithful: true }
}

function countDigits(text: string): number {
  const point = text.search(/[.eE]/)
  return point === -1 ? text.length : point
}

function toMicroseconds(ms: number): EpochMs {
  return epochMs(Number.isSafeInteger(ms) ? ms : Math.round(ms * 1000) / 1000)
}

function isoOf(text: string): Timestamp | null {
  const day = dayOf(text)
  if (day === null) return null
  if (text.length === DATE_LENGTH) return { at: epochMs(day * DAY_MS), faithful: false }
  const separator = text.charCodeAt(DATE_LENGTH)
  if (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) return null
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || text.charCodeAt(13) !== 0x3a) return null
  let at = 16
  let second = 0
  let fractionMs = 0
  if (text.charCodeAt(at) === 0x3a) {
    second = digits(text, at + 1, 2)
    if (second < 0 || second > 60) return null
    at += 3
    const mark = text.charCodeAt(at)
    if (mark === 0x2e || mark === 0x2c) {
      const start = ++at
      while (isDigit(text.charCodeAt(at))) at++
      if (at === start) return null
      fractionMs = fractionOf(text, start, at)
    }
  }
  const zone = zoneMinutes(text, at)
  if (Number.isNaN(zone)) return null
  const leap = second === 60
  const secondMs = leap ? 59_999 : second * 1000 + fractionMs
  const offset = zone === ZONE_MISSING ? 0 : zone
  const ms = day * DAY_MS + (hour * 60 + minute - offset) * 60_000 + secondMs
  return { at: toMicroseconds(ms), faithful: zone !== ZONE_MISSING && !leap }
}

/** RFC 3339 as most programs write it, `YYYY-MM-DDTHH:MM:SSZ` or with `.mmm`, at [start, end) of ASCII bytes; null: something else. */
export function isoMsAt(bytes: Uint8Array, start: number, end: number): EpochMs | null {
  const length = end - start
  if ((length !== 20 && length !== 24) || bytes[end - 1] !== 0x5a || bytes[start + 10] !== 0x54) return null
  if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return null
  if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return null
  const date = digitsAt(bytes, start, 4) * 10_000 + digitsAt(bytes, start + 5, 2) * 100 + digitsAt(bytes, start + 8, 2)
  const hour = digitsAt(bytes, start + 11, 2)
  const minute = digitsAt(bytes, start + 14, 2)
  const second = digitsAt(bytes, start + 17, 2)
  let fraction = 0
  if (length === 24) {
    if (bytes[start + 19] !== 0x2e) return null
    fraction = digitsAt(bytes, start + 20, 3)
  }
  // A leap second is not taken as it is.
  if (!(date >= 0 && hour <= 23 && minute <= 59 && second <= 59 && fraction >= 0)) return null
  if (date !== lastDateNumber) {
    const day = dayOfNumber(date)
    if (day === null) return null
    lastDateNumber = date
    lastDayOfNumber = day
  }
  return epochMs(lastDayOfNumber * DAY_MS + (hour * 60 + minute) * 60_000 + second * 1000 + fraction)
}

let lastDateNumber = -1
let lastDayOfNumber = 0

/** Days since 1970-01-01 of YYYYMMDD. */
function dayOfNumber(date: number): number | null {
  const [year, month, day] = [Math.floor(date / 10_000), Math.floor(date / 100) % 100, date % 100]
  return month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month) ? null : daysFromCivil(year, month, day)
}

/** A number of exactly so many digits; NaN where one is missing. */
function digitsAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const byte = bytes[i]!
    if (!isDigit(byte)) return Number.NaN
    value = value * 10 + byte - 0x30
  }
  return value
}

/** The date read last: most logs are of the day of the one before. */
let lastDate = ''
let lastDay = 0

/** Days since 1970-01-01 of the date at the beginning, or null. */
function dayOf(text: string): number | null {
  if (lastDate !== '' && text.startsWith(lastDate)) return lastDay
  const day = civilDayOf(text)
  if (day === null) return null
  lastDate = text.slice(0, DATE_LENGTH)
  lastDay = day
  return day
}

function civilDayOf(text: string): number | null {
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  if (year < 0 || month < 1 || month > 12 || day < 1) return null
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d || day > daysInMonth(year, month)) return null
  return daysFromCivil(year, month, day)
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, eras have 400 years. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

const ZONE_MISSING = Number.POSITIVE_INFINITY

/** Minutes east of UTC from here to the end; NaN where it is no zone. */
function zoneMinutes(text: string, at: number): number {
  if (at === text.length) return ZONE_MISSING
  const mark = text.charCodeAt(at)
  if (mark === 0x5a || mark === 0x7a) return at + 1 === text.length ? 0 : Number.NaN
  if (mark !== 0x2b && mark !== 0x2d) return Number.NaN
  const hours = digits(text, at + 1, 2)
  let end = at + 3
  let minutes = 0
  if (end !== text.length) {
    if (text.charCodeAt(end) === 0x3a) end++
    minutes = digits(text, end, 2)
    end += 2
  }
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || end !== text.length) return Number.NaN
  return (mark === 0x2d ? -1 : 1) * (hours * 60 + minutes)
}

/** The fraction of a second in ms, rounded to the microsecond. */
function fractionOf(text: string, start: number, end: number): number {
  if (end - start === 3) return digits(text, start, 3)
  return Math.round(Number(`0.${text.slice(start, end)}`) * 1e6) / 1000
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** A number of exactly so many digits; -1 where one is missing. */
function digits(text: string, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const code = text.charCodeAt(i)
    if (!isDigit(code)) return -1
    value = value * 10 + code - 0x30
  }
  return value
}

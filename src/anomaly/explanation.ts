/**
 * What made a log unusual, as JSON of at most 1 KiB:
 *
 *   {"top":"latency","observed":2340,"expected":120,"surprise":5.2,"p":6.3e-6,
 *    "channels":[{"name":"latency","surprise":5.2,"observed":2340,"expected":120,"p":6.3e-6}],
 *    "template":"GET /api/*","template_id":-1044,"baseline_n":15204,"warm":true,"model_version":"logs-10",
 *    "why":"latency 2,340 ms, usually 80-190 ms for this operation (p < 1e-5)"}
 *
 * Units: ms for latency and latency_shift, shares of logs for slow_share, level and error_rate, logs a minute for surge and burst.
 * A surprise is -log10 p; the channels are those that drove the score, the strongest first. `baseline_n` are the logs of the
 * service that the judgement rests on.
 */
import type { Level } from '../log.ts'
import { CHANNELS, type Channel, type Findings, LATENCY, LATENCY_SHIFT, SLOW_SHARE, SURGE } from './channels.ts'
import { SNAPSHOT_FORMAT } from './state-bytes.ts'

const MODEL_VERSION = `logs-${SNAPSHOT_FORMAT}`
export const TEMPLATE_LENGTH_MAX = 80
const QUOTE_LENGTH_MAX = 48
const CHANNELS_MAX = 3
const OF_LATENCY: readonly number[] = [LATENCY, LATENCY_SHIFT, SLOW_SHARE]
/** A channel below it drives nothing. */
const TELLING_SURPRISE = 1.3
/** Nobody believes smaller ones. */
const LEAST_EXPONENT = 15

export interface Explained {
  readonly level: Level
  /** As the miner knows it, at most TEMPLATE_LENGTH_MAX characters. */
  readonly template: string
  readonly templateId: number
  readonly baselineLogs: number
  readonly warm: boolean
  /** Between these (ms) nine of ten latencies of the operation lie; null where the log has none. */
  readonly usualLatency: { readonly lowMs: number; readonly highMs: number } | null
}

export function explain({ surprises, observed, expected }: Findings, log: Explained): string {
  // Of a log without a latency those channels say nothing, not even that all is usual.
  const mute = log.usualLatency === null ? OF_LATENCY : []
  const order = CHANNELS.map((_, c) => c)
    .filter((c) => surprises[c]! > 0 || !mute.includes(c))
    .sort((a, b) => surprises[b]! - surprises[a]!)
  const finding = (c: number) => ({
    surprise: rounded(surprises[c]!),
    observed: rounded(observed[c]!),
    expected: rounded(expected[c]!),
    p: Number((10 ** -surprises[c]!).toPrecision(2)),
  })
  const [top = 0] = order
  const told = order.slice(0, CHANNELS_MAX).filter((c) => c === top || surprises[c]! >= TELLING_SURPRISE)
  const channels = told.map((c) => ({ name: CHANNELS[c] ?? 'latency', ...finding(c) }))
  // The strongest is always told, and first.
  const { name, ...strongest } = channels[0]!
  const latencyMs = rounded(observed[LATENCY]!)
  return JSON.stringify({
    top: name,
    ...strongest,
    channels,
    template: log.template,
    template_id: log.templateId,
    baseline_n: log.baselineLogs,
    warm: log.warm,
    model_version: MODEL_VERSION,
    why: `${sentence(name, { ...log, ...strongest, latencyMs, perMinute: rounded(observed[SURGE]!) })}${likelihood(surprises[top]!)}`,
  })
}

/** What was found on the channel, the log's own latency, and the logs of the service within the last minute. */
type Found = Explained & {
  readonly observed: number
  readonly expected: number
  readonly latencyMs: number
  readonly perMinute: number
}

function sentence(channel: Channel, of: Found): string {
  const { observed, expected, latencyMs } = of
  switch (channel) {
    case 'latency':
      return `latency ${grouped(observed)} ms, usually ${latencyRange(of)} for this operation`
    case 'latency_shift':
      return `this service's latest logs are slower than usual${asWhole(of)}: this one took ${grouped(latencyMs)} ms, usually ${latencyRange(of)}`
    case 'slow_share':
      return `${percent(observed)} of this service's logs of the last five minutes took longer than ${percent(1 - expected)} of them usually do; this one ${grouped(latencyMs)} ms, usually ${latencyRange(of)}`
    case 'level':
      return `${of.level} is rare for this service: usually ${oneIn(expected)}`
    case 'template':
      return `a kind of ${of.level === 'INFO' || of.level === 'DEBUG' ? 'message' : of.level} that is new for this service${often(observed)}: "${quote(of.template)}"`
    case 'burst':
      return `"${quote(of.template)}" came ${times(observed)} within a minute, usually ${about(expected)}`
    case 'error_rate':
      return `${percent(observed)} of this service's ${several(of.perMinute)}logs of the last minute are errors, usually ${percent(expected)}`
    case 'surge':
      return `${grouped(observed)} logs of this service within a minute, usually ${about(expected)}`
  }
}

/** How many a share is of; of one or none that goes without saying. */
function several(count: number): string {
  return count < 2 ? '' : `${grouped(count)} `
}

/** Of a log that would not be noticed by itself. */
function asWhole({ usualLatency, latencyMs }: Found): string {
  return usualLatency !== null && latencyMs <= usualLatency.highMs ? ' as a whole, if not one by one' : ''
}

/** From the third time on it is worth a word. */
function often(count: number): string {
  return count < 2.5 ? '' : ` and came ${times(count)} by now`
}

function latencyRange({ usualLatency, expected }: Explained & { expected: number }): string {
  if (usualLatency === null) return `${about(expected)} ms`
  return `${twoDigits(usualLatency.lowMs)}-${twoDigits(usualLatency.highMs)} ms`
}

function likelihood(surprise: number): string {
  const exponent = Math.min(LEAST_EXPONENT, Math.floor(surprise))
  return exponent < 2 ? '' : ` (p < 1e-${exponent})`
}

function quote(template: string): string {
  return template.length <= QUOTE_LENGTH_MAX ? template : `${template.slice(0, QUOTE_LENGTH_MAX).toWellFormed()}…`
}

function times(count: number): string {
  return count < 1.5 ? 'once' : `${grouped(Math.round(count))} times`
}

/** Shares below a percent are easier to grasp as one in so many. */
function oneIn(share: number): string {
  return share >= 0.01 ? `${percent(share)} of its logs` : `one in ${grouped(rounded(1 / Math.max(1e-9, share)))} logs`
}

/** Three significant digits. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : 0
}

export function grouped(value: number): string {
  const whole = value >= 10 ? Math.round(value).toString() : value.toString()
  return whole.replace(/^\d+/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ','))
}

/** A limit of what is usual: 3.4, 18, 103, 1,200. */
function twoDigits(value: number): string {
  return grouped(Number(value.toPrecision(value >= 100 && value < 1000 ? 3 : 2)))
}

/** What is usual is never known to three digits. */
export function about(count: number): string {
  return count < 1 ? 'less than 1' : `about ${grouped(count >= 3 ? Math.round(count) : Number(count.toPrecision(2)))}`
}

function percent(share: number): string {
  const value = share * 100
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} %`
}

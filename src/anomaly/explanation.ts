/**
 * Why a log was flagged, as JSON of at most 1 KiB:
 *
 *   {"top":"latency","observed":2340,"expected":120,"surprise":5.2,"template":"GET /api/*","template_id":-1044,"why":"latency 2,340 ms, usually about 120 ms for this operation"}
 *
 * Units: ms for latency, shares of logs for slow_share, level and error_rate, logs a minute for surge and burst.
 */
import type { Level } from '../log.ts'
import { CHANNELS, type Channel, type Findings } from './channels.ts'
import { templateText } from './message-template.ts'

export const TEMPLATE_LENGTH_MAX = 120

interface Explained {
  readonly level: Level
  readonly message: string
  readonly templateId: number
  /** As the miner knows it, cut; the message is masked where it is not given. */
  readonly template?: string
}

export function explain(findings: Findings, log: Explained): string {
  let top = 0
  for (let c = 1; c < CHANNELS.length; c++) if (findings.surprises[c]! > findings.surprises[top]!) top = c
  const channel = CHANNELS[top] ?? 'latency'
  const observed = rounded(findings.observed[top]!)
  const expected = rounded(findings.expected[top]!)
  return JSON.stringify({
    top: channel,
    observed,
    expected,
    surprise: rounded(findings.surprises[top]!),
    template: log.template ?? templateText(log.message, TEMPLATE_LENGTH_MAX),
    template_id: log.templateId,
    why: sentence(channel, { observed, expected, level: log.level }),
  })
}

function sentence(channel: Channel, of: { observed: number; expected: number; level: Level }): string {
  const { observed, expected } = of
  switch (channel) {
    case 'latency':
      return `latency ${grouped(observed)} ms, usually about ${grouped(expected)} ms for this operation`
    case 'latency_shift':
      return `many logs of this service are slower than usual; this one took ${grouped(observed)} ms, usually about ${grouped(expected)} ms`
    case 'slow_share':
      return `${percent(observed)} of this service's logs are among its slowest, usually ${percent(expected)}`
    case 'level':
      return `${of.level} is rare for this service: usually ${percent(expected)} of its logs`
    case 'template':
      return 'this kind of message is new for this service'
    case 'burst':
      return `this kind of message came ${grouped(observed)} times within a minute, usually about ${grouped(expected)} times`
    case 'error_rate':
      return `${percent(observed)} of this service's logs are errors, usually ${percent(expected)}`
    case 'surge':
      return `${grouped(observed)} logs within a minute, usually about ${grouped(expected)}`
  }
}

/** Three significant digits. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : 0
}

export function grouped(value: number): string {
  const whole = value >= 10 ? Math.round(value).toString() : value.toString()
  return whole.replace(/^\d+/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ','))
}

function percent(share: number): string {
  return `${rounded(share * 100)} %`
}

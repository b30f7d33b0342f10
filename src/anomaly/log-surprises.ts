/** One log against what is usual for its service, channel by channel. Counts it in the windows; teaches the baselines nothing. */
import type { LogEvent } from '../log.ts'
import * as channel from './channels.ts'
import { ERRORS, LATENCIES, LOGS, SLOW } from './event-windows.ts'
import { ERROR, type Levels } from './levels.ts'
import { shareSurprise, sustained } from './probability.ts'
import type { ServiceState } from './service-state.ts'
import { COUNT } from './template-store.ts'

/** A window's surprise counts this much, at most, for logs that show nothing of it themselves. */
const BYSTANDER_SURPRISE = 2
const SLOW_QUANTILE = 0.99
/**
 * Every log is a new chance to look odd, a window is one chance for many. So one latency by itself must be rarer the more logs a
 * service has: that it is odd at all, once in so many days, is what should be alike for all services.
 */
const SINGLE_HANDICAP = 1.5
const SINGLE_HANDICAP_MIN = 0.2
/** Logs in 10 s at which the handicap begins to count; it is felt from 0.95 on, where it exceeds the least. */
const SINGLE_RATE = 0.7
const SINGLE_SHARE = 0.4
const SINGLE_TELLING = 1
const SLOW_USUAL = 0.022

/** A log and where it belongs. Overwritten for the next one. */
export interface Placed {
  event: LogEvent
  service: ServiceState
  /** Index into LEVELS. */
  severity: number
  /** Event time, as a bucket of the windows and in seconds. */
  bucket: number
  seconds: number
  /** Where the columns of its template begin. */
  template: number
}

export class LogSurprises {
  /** Of the log looked at last. */
  readonly findings = channel.emptyFindings()
  /** All services of the partition together: the prior of each. */
  readonly #everyone: Levels

  constructor(everyone: Levels) {
    this.#everyone = everyone
  }

  look(log: Placed): void {
    // What is not looked at must not tell of the log before.
    for (let c = 0; c < channel.CHANNELS.length; c++) this.#note(c, 0, 0, 0)
    const { windows, levels, surge, volume } = log.service
    windows.count(log.bucket, LOGS)
    if (log.severity >= ERROR) windows.count(log.bucket, ERRORS)
    this.#lookAtTemplate(log)
    this.#note(channel.LEVEL, levels.levelSurprise(log.severity, this.#everyone), 1, levels.shareOf(log.severity))
    this.#lookAtErrors(log)
    const minute = windows.minute(LOGS)
    this.#note(channel.SURGE, surge.calibrate(volume.surgeSurprise(minute)), minute, volume.perMinute)
    if (log.event.latencyMs !== null) this.#lookAtLatency(log, log.event.latencyMs)
  }

  #lookAtTemplate({ service, severity, seconds, template }: Placed): void {
    const { templates, novelty, volume, burst } = service
    novelty.touch(templates, template, seconds)
    const times = templates.values[template + COUNT]! + 1
    this.#note(channel.TEMPLATE, novelty.templateSurprise(templates, template, severity), times, 0)
    const expected = novelty.expectedBurst(templates, template, volume.perMinute)
    const theory = volume.known ? novelty.burstSurprise(templates, template, volume) : 0
    this.#note(channel.TEMPLATE_BURST, burst.calibrate(theory), novelty.observedBurst(templates, template), expected)
  }

  #lookAtErrors({ service, severity }: Placed): void {
    const { levels, windows } = service
    const errors = windows.minute(ERRORS)
    const logs = windows.minute(LOGS)
    const surprise = sustained(
      levels.errorSurprise(errors, logs),
      levels.errorSurprise(windows.fiveMinutes(ERRORS), windows.fiveMinutes(LOGS)),
    )
    const own = severity >= ERROR ? surprise : Math.min(BYSTANDER_SURPRISE, surprise)
    this.#note(channel.ERROR_RATE, own, errors / Math.max(1, logs), levels.errorShare)
  }

  #lookAtLatency(log: Placed, latencyMs: number): void {
    const { service, bucket, template } = log
    const { latency, windows, shift, exceedance, volume } = service
    latency.look(latencyMs, service.templates, template)
    windows.count(bucket, LATENCIES)
    const slow = latency.quantile > SLOW_QUANTILE
    if (slow) windows.count(bucket, SLOW)
    const usualMs = Math.exp(latency.expectedLog)
    this.#note(channel.LATENCY, single(latency.pointSurprise, volume.rate), latencyMs, usualMs)
    const shifted = shift.calibrate(latency.shiftSurprise(service.young, log))
    const { borneOut } = latency
    this.#note(channel.LATENCY_SHIFT, borneOut * shifted, latencyMs, usualMs)
    const five = windows.fiveMinutes(LATENCIES)
    const fiveSlow = windows.fiveMinutes(SLOW)
    const lately = shareSurprise(windows.minute(SLOW), windows.minute(LATENCIES), SLOW_USUAL)
    const share = exceedance.calibrate(sustained(lately, shareSurprise(fiveSlow, five, SLOW_USUAL)))
    const own = slow ? share : Math.min(BYSTANDER_SURPRISE, share)
    this.#note(channel.SLOW_SHARE, borneOut * own, fiveSlow / Math.max(1, five), 1 - SLOW_QUANTILE)
  }

  #note(at: number, surprise: number, observed: number, expected: number): void {
    this.findings.surprises[at] = surprise
    this.findings.observed[at] = observed
    this.findings.expected[at] = expected
  }
}

/** Of one latency by itself, in a service with so many logs in 10 s. */
function single(surprise: number, rate: number): number {
  if (surprise < SINGLE_TELLING) return SINGLE_SHARE * surprise
  const chances = Math.log10((rate + 0.01) / SINGLE_RATE)
  const handicap = Math.max(SINGLE_HANDICAP_MIN, SINGLE_HANDICAP * chances)
  return Math.max(SINGLE_SHARE * surprise, surprise - handicap)
}

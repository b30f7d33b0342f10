/**
 * A quiet service as an alert, with its explanation:
 *
 *   {"kind":"silence","observed":0,"expected":36.2,"seconds":40,"surprise":9.1,"why":"no logs for 40 s, usually about 36 a minute"}
 */
import { epochMs } from '../log.ts'
import type { ServiceAlert } from '../service-alert.ts'
import { about, rounded } from './explanation.ts'
import type { Quiet } from './quiet-watch.ts'

export function alertOf({
  partition,
  service,
  quiet,
}: {
  readonly partition: number
  readonly service: string
  readonly quiet: Quiet
}): ServiceAlert {
  const { kind, seconds } = quiet
  const observed = rounded(quiet.observed)
  const expected = rounded(quiet.expected)
  return {
    partition,
    service,
    kind,
    sinceMs: epochMs(quiet.sinceMs),
    untilMs: quiet.closed ? epochMs(Math.max(quiet.untilMs, quiet.sinceMs)) : null,
    raisedAtMs: epochMs(quiet.raisedAtMs),
    observed,
    expected,
    explanation: JSON.stringify({
      kind,
      observed,
      expected,
      seconds,
      surprise: rounded(quiet.surprise),
      why: sentence(quiet),
    }),
  }
}

function sentence({ kind, closed, seconds, observed, expected }: Quiet): string {
  const usual = `usually ${about(expected)} a minute`
  const span = duration(seconds)
  if (closed) return `${kind === 'silence' ? 'silent' : 'fewer logs than usual'} for ${span}, ${usual}; over now`
  if (kind === 'silence') return `no logs for ${span}, ${usual}`
  return `${about(observed)} logs a minute for ${span}, ${usual}`
}

function duration(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}

/**
 * What no log can carry: a service that fell silent, or whose traffic dropped. An alert is told twice, when it opens and when it
 * closes; partition, service, kind and `sinceMs` are its key. All times are event time.
 */
import type { EpochMs } from './log.ts'

export const ALERT_KINDS = ['silence', 'drop'] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

export interface ServiceAlert {
  readonly partition: number
  readonly service: string
  readonly kind: AlertKind
  /** The first moment that was too quiet. */
  readonly sinceMs: EpochMs
  /** null while it is open. */
  readonly untilMs: EpochMs | null
  /** When it was decided. */
  readonly raisedAtMs: EpochMs
  /** Logs a minute. */
  readonly observed: number
  readonly expected: number
  /** JSON text, at most 1 KiB, with a sentence for people under `why`; `muted` names the mute that nobody is told for. */
  readonly explanation: string
}

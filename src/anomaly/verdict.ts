/** What a detector is asked for, and what it says. Both profiles, logs and metrics, speak in these words. */
import type { Budget } from './threshold.ts'

export interface DetectorOptions {
  readonly seed: number
  /** Services with a state of their own; later ones share one. */
  readonly servicesMax: number
  /** The score from which a log is an anomaly. */
  readonly threshold?: number
  /** In place of the threshold: so many anomalies a day. */
  readonly budget?: Budget
}

/** What the detector says of one log. The same object is given for every log. */
export interface Verdict {
  /** In [0, 1); meaningless unless `warm`. */
  score: number
  isAnomaly: boolean
  /** False while the service has too few logs for a judgement. */
  warm: boolean
  /** Of the isolation forest and of the windows, each in [0, 1). */
  forestScore: number
  windowScore: number
  /** A 32-bit number, the same for all messages of a kind. */
  templateId: number
  explanation: string | null
}

export interface DetectorStats {
  /** Services with a state of their own, and those of them that have logs enough for a judgement. */
  readonly services: number
  readonly warmServices: number
  readonly templates: number
  /** Logs of services without a state of their own, since the partition's beginning. */
  readonly overflowLogs: number
  /** Templates that made room for new ones of the same service, since this detector was made or restored. */
  readonly forgottenTemplates: number
}

/** Of no log yet. */
export function emptyVerdict(): Verdict {
  return {
    score: 0,
    isAnomaly: false,
    warm: false,
    forestScore: 0,
    windowScore: 0,
    templateId: 0,
    explanation: null,
  }
}

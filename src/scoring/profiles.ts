/** What the scorer judges: logs, or the values of metrics (ANOMALY_PROFILE). Each has its detector, and its format of snapshots. */
import { Detector } from '../anomaly/detector.ts'
import { METRIC_SNAPSHOT_FORMAT, MetricDetector } from '../anomaly/metric-detector.ts'
import { SNAPSHOT_FORMAT } from '../anomaly/state-bytes.ts'
import type { DetectorOptions } from '../anomaly/verdict.ts'

export type ProfileName = 'logs' | 'metrics'
export type ProfileDetector = Detector | MetricDetector

interface Profile {
  readonly format: number
  readonly create: (options: DetectorOptions) => ProfileDetector
  /** The detector that gave the snapshot, or a sentence on why there is none. */
  readonly restore: (state: Uint8Array, options: DetectorOptions) => ProfileDetector | string
}

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  logs: {
    format: SNAPSHOT_FORMAT,
    create: (options) => new Detector(options),
    restore: (state, options) => Detector.restore(state, options),
  },
  metrics: {
    format: METRIC_SNAPSHOT_FORMAT,
    create: (options) => new MetricDetector(options),
    restore: (state, options) => MetricDetector.restore(state, options),
  },
}

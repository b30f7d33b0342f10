/** The scorer of the line: one detector a partition, in process. While a service is young, and should a detector fail, the rules judge. */

import { StateWriter } from '../anomaly/state-bytes.ts'
import type { Budget } from '../anomaly/threshold.ts'
import type { DetectorOptions, DetectorStats } from '../anomaly/verdict.ts'
import type { Claim } from '../ledger.ts'
import type { LogEvent, ScoredLog } from '../log.ts'
import { PooledLog } from '../log-pool.ts'
import type { PartitionRange, ScoredRange, Scorer, Snapshot, UnscoredRange } from '../pipeline.ts'
import type { ServiceAlert } from '../service-alert.ts'
import { PROFILES, type ProfileDetector, type ProfileName } from './profiles.ts'
import { ruledLog } from './rule-scorer.ts'
import { SnapshotTurns } from './snapshot-turns.ts'

export interface ModelScorerOptions {
  /** ANOMALY_PROFILE; logs unless said. */
  readonly profile?: ProfileName
  /** SERVICES_MAX, per partition. */
  readonly servicesMax: number
  /** ANOMALY_THRESHOLD. */
  readonly threshold?: number
  /** ANOMALY_BUDGET_PER_DAY and ANOMALY_BUDGET_PER_SERVICE_DAY, over all partitions; in place of the threshold. */
  readonly budget?: Omit<Budget, 'share'> | undefined
  /** A snapshot is due after this much event time, if there were also so many records, or after so many records anyhow. */
  readonly snapshotIntervalMs?: number
  readonly snapshotRecordsMin?: number
  readonly snapshotRecords?: number
  /** Told once a batch and partition when logs had to be judged by the rules because the detector failed. */
  readonly failed?: (what: { partition: number; logs: number; error: unknown }) => void
  /** Told when a snapshot could not be used. */
  readonly refused?: (what: { partition: number; reason: string }) => void
}

const TOO_FEW = 'too few logs of this service are known yet to say what is usual'
const FAILED = 'the model failed on this log'
/** Without a snapshot so many records are read again at most: more than lie between two snapshots. */
const WARM_UP_RECORDS = 400_000

export interface PartitionStats extends DetectorStats {
  readonly partition: number
  /** Logs learned since this process took the partition. */
  readonly learned: number
}

/** In turns: one snapshot of a lane is being stored while the next is taken. */
type SnapshotWriters = readonly [StateWriter, StateWriter]

interface Seat {
  detector: ProfileDetector
  learned: number
  /** Where the last snapshot was taken: event time, and the end of its range. */
  snapshotMs: number
  snapshotOffset: number
}

export class ModelScorer implements Scorer {
  readonly #options: ModelScorerOptions
  readonly #seats = new Map<number, Seat>()
  /** Of the topic's traffic, by partition, as of its last claim. */
  readonly #shares = new Map<number, number>()
  /** By lane. */
  readonly #turns = new Map<number, SnapshotTurns>()
  readonly #writers = new Map<number, SnapshotWriters>()
  /** Another one before each batch: between its snapshots nothing is scored. */
  #batch = 0
  #learned = 0
  #failures = 0

  constructor(options: ModelScorerOptions) {
    this.#options = options
  }

  /** Logs that taught a detector, and logs that the rules judged because a detector failed. */
  get learned(): number {
    return this.#learned
  }

  get failures(): number {
    return this.#failures
  }

  stats(): PartitionStats[] {
    return [...this.#seats].map(([partition, { detector, learned }]) => ({ partition, ...detector.stats(), learned }))
  }

  /** All of it before it returns. */
  async score(ranges: readonly UnscoredRange[], lane: number): Promise<readonly ScoredRange[]> {
    const logs = ranges.map(({ events }) => this.judge(events))
    return ranges.map(({ range }, at) => {
      const alerts = this.alerts(range.partition)
      return { logs: logs[at]!, alerts, snapshot: this.snapshot(range, lane) }
    })
  }

  judge(events: readonly LogEvent[]): readonly ScoredLog[] {
    this.#batch++
    const logs = new Array<ScoredLog>(events.length)
    const failures: { partition: number; error: unknown }[] = []
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!
      try {
        logs[i] = this.#scoreOne(event)
      } catch (error) {
        logs[i] = ruledLog(event, FAILED)
        this.#failures++
        failures.push({ partition: event.partition, error })
      }
    }
    const [first] = failures
    if (first !== undefined) this.#options.failed?.({ ...first, logs: failures.length })
    return logs
  }

  /**
   * Takes the state that a claim brought and gives the offset after it. Without one, or with one that can't be used, the detector
   * begins anew, some way back in the records that are stored already.
   */
  restore(claim: Claim): number {
    this.drop(claim.partition)
    const { snapshot, partition, baseOffset, nextOffset, trafficShare } = claim
    this.#shares.set(partition, steady(trafficShare))
    if (snapshot !== null) {
      const detector = this.#restored(snapshot)
      if (typeof detector !== 'string') {
        this.#seats.set(partition, newSeat(detector, snapshot.atOffset))
        return snapshot.atOffset
      }
      this.#options.refused?.({ partition, reason: detector })
    }
    return Math.max(baseOffset, nextOffset - WARM_UP_RECORDS)
  }

  drop(partition: number): void {
    this.#seats.delete(partition)
  }

  /** Of what was judged so far, never in a warm-up, which is not stored. At most one a batch, once there is memory for it, which is used again for the lane's next but one. */
  snapshot({ partition, to: atOffset, purpose }: PartitionRange, lane: number): Snapshot | null {
    const seat = this.#seats.get(partition)
    if (seat === undefined) return null
    const passedMs = seat.detector.watermarkMs - seat.snapshotMs
    if (seat.snapshotOffset < 0) seat.snapshotOffset = atOffset
    if (purpose === 'warm-up') return null
    const records = atOffset - seat.snapshotOffset
    const { snapshotIntervalMs = 30_000, snapshotRecordsMin = 10_000, snapshotRecords = 200_000 } = this.#options
    // A backlog runs through hours of event time in seconds, and so few records are read again in no time.
    const due = passedMs >= snapshotIntervalMs && records >= snapshotRecordsMin
    if (!due && records < snapshotRecords) return null
    if (!this.#turnsOf(lane).takes(partition, this.#batch)) return null
    const [writer, other] = this.#writersOf(lane)
    if (!writer.prepare(seat.detector.snapshotBytes)) return null
    this.#writers.set(lane, [other, writer])
    seat.snapshotMs = seat.detector.watermarkMs
    seat.snapshotOffset = atOffset
    return { partition, atOffset, format: this.#profile.format, state: seat.detector.snapshot(writer) }
  }

  /** Opened or closed since the last call. */
  alerts(partition: number): readonly ServiceAlert[] {
    return this.#seats.get(partition)?.detector.takeAlerts(partition) ?? []
  }

  #turnsOf(lane: number): SnapshotTurns {
    const known = this.#turns.get(lane)
    if (known !== undefined) return known
    const turns = new SnapshotTurns()
    this.#turns.set(lane, turns)
    return turns
  }

  #writersOf(lane: number): SnapshotWriters {
    const known = this.#writers.get(lane)
    if (known !== undefined) return known
    const writers: SnapshotWriters = [new StateWriter(), new StateWriter()]
    this.#writers.set(lane, writers)
    return writers
  }

  get #profile() {
    return PROFILES[this.#options.profile ?? 'logs']
  }

  #restored({ partition, format, state }: Snapshot): ProfileDetector | string {
    if (format !== this.#profile.format) return `format ${format}, not ${this.#profile.format}`
    return this.#profile.restore(state, this.#detectorOptions(partition))
  }

  #scoreOne(event: LogEvent): ScoredLog {
    const seat = this.#seat(event.partition)
    const verdict = seat.detector.scoreThenLearn(event)
    seat.learned++
    this.#learned++
    if (!verdict.warm) return ruledLog(event, TOO_FEW, verdict.templateId)
    const { score, isAnomaly, explanation } = verdict
    return event instanceof PooledLog
      ? event.judged(score, isAnomaly, explanation)
      : { event, score, isAnomaly, source: 'model', explanation }
  }

  #seat(partition: number): Seat {
    const known = this.#seats.get(partition)
    if (known !== undefined) return known
    const seat = newSeat(this.#profile.create(this.#detectorOptions(partition)), -1)
    this.#seats.set(partition, seat)
    return seat
  }

  #detectorOptions(partition: number): DetectorOptions {
    const { servicesMax, threshold, budget } = this.#options
    const usual = { seed: partition, servicesMax, ...(threshold === undefined ? {} : { threshold }) }
    return budget === undefined ? usual : { ...usual, budget: { ...budget, share: this.#shares.get(partition) ?? 1 } }
  }
}

/** In steps of a half octave: a detector that begins anew a little later must get the same budget. */
function steady(share: number): number {
  return 2 ** (Math.round(2 * Math.log2(share)) / 2)
}

function newSeat(detector: ProfileDetector, snapshotOffset: number): Seat {
  return { detector, learned: 0, snapshotMs: detector.watermarkMs, snapshotOffset }
}

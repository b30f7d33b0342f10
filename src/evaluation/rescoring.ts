/** Two verdicts on the same logs, compared: what other settings would change. Pure; keeps counts and the strongest examples only. */
import type { LogEvent } from '../log.ts'
import { NEGATIVE, POSITIVE } from './ranking.ts'

export interface Opinion {
  readonly score: number
  readonly isAnomaly: boolean
  /** JSON text with a sentence under `why`, where there is one. */
  readonly explanation?: string | null
}

/** One side of a comparison. */
export interface Side {
  readonly flagged: number
  /** Share of the logs. */
  readonly rate: number
  /** Flagged in a day of event time; NaN where all logs have one time. */
  readonly per_day: number
  readonly mean_score: number
  /** Where labels exist. */
  readonly labelled: {
    readonly flagged: number
    readonly precision: number
    readonly recall: number
    readonly f1: number
  } | null
}

export interface ChangedLog {
  readonly partition: number
  readonly offset: number
  readonly item: number
  readonly created_at: string
  readonly service: string
  readonly level: string
  readonly message: string
  readonly score_before: number
  readonly score_after: number
  /** The sentence of the side that flags it. */
  readonly why: string | null
}

export interface ServiceChange {
  readonly service: string
  readonly logs: number
  readonly before: number
  readonly after: number
  readonly newly_flagged: number
  readonly no_longer_flagged: number
}

export interface Rescoring {
  readonly logs: number
  readonly days: number
  readonly before: Side
  readonly after: Side
  readonly newly_flagged: number
  readonly no_longer_flagged: number
  /** Those where something is flagged, most changes first. */
  readonly services: readonly ServiceChange[]
  readonly examples: {
    readonly newly_flagged: readonly ChangedLog[]
    readonly no_longer_flagged: readonly ChangedLog[]
  }
}

const EXAMPLES = 10
const MESSAGE_CHARS = 200
const DAY_MS = 86_400_000

class SideCounts {
  flagged = 0
  scores = 0
  truePositives = 0
  falsePositives = 0

  add({ score, isAnomaly }: Opinion, label: number | null): void {
    this.scores += score
    if (!isAnomaly) return
    this.flagged++
    if (label === POSITIVE) this.truePositives++
    else if (label === NEGATIVE) this.falsePositives++
  }

  side(logs: number, days: number, positives: number | null): Side {
    const labelled = this.truePositives + this.falsePositives
    const precision = labelled === 0 ? Number.NaN : this.truePositives / labelled
    const recall = positives === null || positives === 0 ? Number.NaN : this.truePositives / positives
    return {
      flagged: this.flagged,
      rate: this.flagged / Math.max(1, logs),
      per_day: days > 0 ? this.flagged / days : Number.NaN,
      mean_score: this.scores / Math.max(1, logs),
      labelled:
        positives === null
          ? null
          : { flagged: labelled, precision, recall, f1: (2 * precision * recall) / (precision + recall) },
    }
  }
}

export class RescoringTally {
  readonly #before = new SideCounts()
  readonly #after = new SideCounts()
  readonly #services = new Map<string, { logs: number; before: number; after: number; newly: number; gone: number }>()
  readonly #newly = new Strongest(({ score_after }) => score_after)
  readonly #gone = new Strongest(({ score_before }) => score_before)
  #logs = 0
  #positives = 0
  #labels = false
  #firstMs = Number.POSITIVE_INFINITY
  #lastMs = Number.NEGATIVE_INFINITY

  /** `label`: POSITIVE, NEGATIVE, IGNORED, or null where nobody has labelled. */
  add(event: LogEvent, opinions: { readonly before: Opinion; readonly after: Opinion }, label: number | null): void {
    const { before, after } = opinions
    this.#logs++
    if (label !== null) this.#labels = true
    if (label === POSITIVE) this.#positives++
    this.#firstMs = Math.min(this.#firstMs, event.createdAt)
    this.#lastMs = Math.max(this.#lastMs, event.createdAt)
    this.#before.add(before, label)
    this.#after.add(after, label)
    const service = this.#services.get(event.service) ?? { logs: 0, before: 0, after: 0, newly: 0, gone: 0 }
    this.#services.set(event.service, service)
    service.logs++
    if (before.isAnomaly) service.before++
    if (after.isAnomaly) service.after++
    if (before.isAnomaly === after.isAnomaly) return
    const changed = changedLog(event, before, after)
    if (after.isAnomaly) {
      service.newly++
      this.#newly.add(changed)
    } else {
      service.gone++
      this.#gone.add(changed)
    }
  }

  result(): Rescoring {
    const days = this.#logs === 0 ? 0 : (this.#lastMs - this.#firstMs) / DAY_MS
    const positives = this.#labels ? this.#positives : null
    const services = [...this.#services]
      .filter(([, { before, after }]) => before + after > 0)
      .sort(([a, x], [b, y]) => y.newly + y.gone - x.newly - x.gone || y.after - x.after || (a < b ? -1 : 1))
      .map(([service, { logs, before, after, newly, gone }]) => ({
        service,
        logs,
        before,
        after,
        newly_flagged: newly,
        no_longer_flagged: gone,
      }))
    return {
      logs: this.#logs,
      days,
      before: this.#before.side(this.#logs, days, positives),
      after: this.#after.side(this.#logs, days, positives),
      newly_flagged: this.#newly.count,
      no_longer_flagged: this.#gone.count,
      services,
      examples: { newly_flagged: this.#newly.kept, no_longer_flagged: this.#gone.kept },
    }
  }
}

/** All are counted, the first ten by a key are kept; of equal ones the earlier. */
class Strongest {
  readonly kept: ChangedLog[] = []
  count = 0
  readonly #key: (log: ChangedLog) => number

  constructor(key: (log: ChangedLog) => number) {
    this.#key = key
  }

  add(log: ChangedLog): void {
    this.count++
    const last = this.kept.at(-1)
    if (this.kept.length === EXAMPLES && last !== undefined && this.#key(log) <= this.#key(last)) return
    const at = this.kept.findIndex((each) => this.#key(each) < this.#key(log))
    this.kept.splice(at < 0 ? this.kept.length : at, 0, log)
    this.kept.length = Math.min(this.kept.length, EXAMPLES)
  }
}

function changedLog(event: LogEvent, before: Opinion, after: Opinion): ChangedLog {
  const { partition, offset, item, service, level, message, createdAt } = event
  return {
    partition,
    offset,
    item,
    created_at: new Date(createdAt).toISOString(),
    service,
    level,
    message: message.slice(0, MESSAGE_CHARS),
    score_before: before.score,
    score_after: after.score,
    why: whyOf((after.isAnomaly ? after : before).explanation),
  }
}

function whyOf(explanation: string | null | undefined): string | null {
  if (explanation === null || explanation === undefined) return null
  const { why }: { why?: unknown } = JSON.parse(explanation)
  return typeof why === 'string' ? why : null
}

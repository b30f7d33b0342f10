/** Logs, what was said of them and what is true: in columns, since a set has a million. */
import { IGNORED } from './ranking.ts'

export interface Judgement {
  /** Event time in seconds since 1970. */
  readonly seconds: number
  readonly service: string
  readonly score: number
  readonly flagged: boolean
  /** POSITIVE, NEGATIVE or IGNORED. */
  readonly label: number
  /** The incident it belongs to, as the set numbers them; 0: none. */
  readonly incident: number
}

/** An alert on a whole service, at the event time of its decision. */
export interface RaisedAlert {
  readonly service: string
  readonly seconds: number
}

export class JudgedLogs {
  /** All of the same length, one entry a log, in the order judged. */
  readonly seconds: number[] = []
  /** Index into `services`. */
  readonly service: number[] = []
  readonly scores: number[] = []
  readonly flags: boolean[] = []
  readonly labels: number[] = []
  readonly incidents: number[] = []
  /** Names, in the order of their first log. */
  readonly services: string[] = []
  readonly alerts: RaisedAlert[] = []
  readonly #numbers = new Map<string, number>()

  get length(): number {
    return this.scores.length
  }

  add(judgement: Judgement): void {
    this.seconds.push(judgement.seconds)
    this.service.push(this.#numberOf(judgement.service))
    this.scores.push(judgement.score)
    this.flags.push(judgement.flagged)
    this.labels.push(judgement.label)
    this.incidents.push(judgement.incident)
  }

  /** The labels, with those of logs before a moment ignored: the time to learn. */
  labelsFrom(seconds: number): Int8Array {
    return Int8Array.from(this.labels, (label, i) => (this.seconds[i]! >= seconds ? label : IGNORED))
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.services.length)
    return this.services.push(name) - 1
  }
}

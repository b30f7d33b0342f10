/** A kind of message never seen from this service, or seen far more often than usual within a minute. */
import { WARN } from './levels.ts'
import { countSurprise, sustained } from './probability.ts'
import { Slab } from './slab.ts'
import {
  BLOCKS,
  BURST,
  BURST_AT,
  COUNT,
  LAST_BLOCK,
  LONG_BURST,
  NOVELTY,
  type TemplateStore,
} from './template-store.ts'

const BURST_SECONDS = 60
const LONG_BURST_SECONDS = 300
/** By 10-minute blocks in which the template has been seen: it stops being news. */
const FADING = [0, 1, 0.6, 0.35]
/** Of a new kind of WARN or worse: what tenfold repetition adds, as a share of the surprise that it came at all. */
const INSISTENCE = 0.9
/** What makes up more of a service's logs is what the service does, not news of it: in its first minutes all it says is new. */
const RARE_SHARE = 0.05
/** What a kind that comes again takes back of the births it was counted for. */
const ESTABLISHED = 0.8
/**
 * Columns: templates that were seen in one 10-minute block only, by severity, as many as new ones are due (Good and Turing's
 * estimate); then all logs.
 */
const TOTAL = 5

export class Novelty {
  readonly #doubles: Float64Array
  /** Where its columns begin. */
  readonly #at: number

  constructor(slab = new Slab()) {
    this.#doubles = slab.allDoubles
    this.#at = slab.placeOfDoubles(6)
  }

  /** Surprise of a template that is not in the store. */
  birthSurprise(severity: number): number {
    let births = 0.3
    for (let level = severity; level < 5; level++) births += this.#doubles[this.#at + level]!
    return -Math.log10(Math.min(1, births / (this.#doubles[this.#at + TOTAL]! + 20)))
  }

  templateSurprise(templates: TemplateStore, at: number, severity: number): number {
    const fading = FADING[templates.values[at + BLOCKS]!] ?? 0
    if (fading === 0) return 0
    const surprise = fading * templates.values[at + NOVELTY]!
    if (severity < WARN) return 0.55 * surprise
    const count = templates.values[at + COUNT]!
    const insists = count <= RARE_SHARE * (this.#doubles[this.#at + TOTAL]! + 20)
    const insistence = insists ? 1 + INSISTENCE * Math.log10(1 + count) : 1
    return (severity === WARN ? 0.85 : 1) * insistence * surprise
  }

  /** Surprise of this template's count in the last minute, `perMinute` being the service's usual rate: in an object, which costs nothing to hand on. */
  burstSurprise(templates: TemplateStore, at: number, { perMinute }: { readonly perMinute: number }): number {
    const usual = this.expectedBurst(templates, at, perMinute)
    const seen = this.observedBurst(templates, at)
    const longer = templates.values[at + LONG_BURST]!
    const lately = countSurprise(seen, 1.5 * usual)
    const longerUsual = (usual * LONG_BURST_SECONDS) / BURST_SECONDS
    return sustained(
      seen > 3 * usual + 3 ? lately : 0.5 * lately,
      longer > 3 * longerUsual + 3 ? countSurprise(longer, 1.5 * longerUsual) : 0,
    )
  }

  observedBurst(templates: TemplateStore, at: number): number {
    return templates.values[at + BURST]!
  }

  /** At least 0.5: a kind of message that comes once in a while is no burst. */
  expectedBurst(templates: TemplateStore, at: number, perMinute: number): number {
    return Math.max(0.5, ((templates.values[at + COUNT]! + 0.5) / (this.#doubles[this.#at + TOTAL]! + 20)) * perMinute)
  }

  /** Counts the log in its template's last minute; before looking, since a burst consists of its logs. */
  touch(templates: TemplateStore, at: number, seconds: number): void {
    const values = templates.values
    const passed = Math.max(0, seconds - values[at + BURST_AT]!)
    values[at + BURST] = values[at + BURST]! * Math.exp(-passed / BURST_SECONDS) + 1
    values[at + LONG_BURST] = values[at + LONG_BURST]! * Math.exp(-passed / LONG_BURST_SECONDS) + 1
    values[at + BURST_AT] = seconds - Math.min(0, passed)
  }

  learn(templates: TemplateStore, at: number, block: number, severity: number): void {
    const values = templates.values
    this.#doubles[this.#at + TOTAL]!++
    values[at + COUNT]!++
    const blocks = values[at + BLOCKS]!
    if (blocks === 0) this.#doubles[this.#at + severity]!++
    else if (values[at + LAST_BLOCK] === block) return
    else if (blocks === 1)
      this.#doubles[this.#at + severity] = Math.max(0, this.#doubles[this.#at + severity]! - ESTABLISHED)
    values[at + LAST_BLOCK] = block
    values[at + BLOCKS]!++
  }

  decay(factor: number): void {
    for (let column = 0; column <= TOTAL; column++) this.#doubles[this.#at + column]! *= factor
  }
}

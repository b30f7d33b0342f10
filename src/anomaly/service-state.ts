/** Everything learned about one service, and the passing of event time over it. */
import { BlockMaxima } from './block-maxima.ts'
import { BUCKET_SECONDS, EventWindows, LOGS } from './event-windows.ts'
import { Latency } from './latency.ts'
import { Levels } from './levels.ts'
import { Novelty } from './novelty.ts'
import { QuietWatch } from './quiet-watch.ts'
import { Slab } from './slab.ts'
import type { StateBytes } from './state-bytes.ts'
import { TemplateBudget, TemplateStore } from './template-store.ts'
import { Spending } from './threshold.ts'
import { Volume } from './volume.ts'

/** Seconds of event time after which old evidence counts 1/e. */
const MEMORY_SECONDS = 6 * 3600
const BLOCK_SECONDS = 600
const BUCKETS_PER_BLOCK = BLOCK_SECONDS / BUCKET_SECONDS
/** Until then nobody knows what is usual, and a service learns in full. */
const YOUNG_SECONDS = 3600
const ALARM_ON = 4.5
const ALARM_OFF = 2.5
/** Longer than this is no incident but the new normal. */
const ALARM_SECONDS_MAX = 2 * 3600
const WEIGHT_IN_ALARM = 0.08
/** Buckets of silence that are learned as zeroes; a longer silence teaches nothing. */
const SILENCE_BUCKETS = 30
/** A leap of event time by more than this tells nothing about what lies between. */
const GAP_BUCKETS_MAX = 8640
/** Columns of the service's own numbers; the last two in seconds of event time, -1 for none. */
const LOGS_LEARNED = 0
const BLOCK = 1
const ALARM_SINCE = 2
const FIRST_SEEN = 3

export class ServiceState {
  /** Bytes of memory, and in a snapshot, but for its templates. */
  static readonly bytes = Slab.sizeOf((slab) => new ServiceState(new TemplateBudget(), slab))
  readonly templates: TemplateStore
  readonly latency: Latency
  readonly levels: Levels
  readonly novelty: Novelty
  readonly volume: Volume
  readonly windows: EventWindows
  readonly shift: BlockMaxima
  readonly exceedance: BlockMaxima
  readonly surge: BlockMaxima
  readonly burst: BlockMaxima
  readonly quietness: BlockMaxima
  readonly quiet: QuietWatch
  /** Of its budget of anomalies, where it has one. */
  readonly spending: Spending
  /** All the numbers of the parts above but the templates, and these. */
  readonly #slab: Slab
  readonly #doubles: Float64Array
  /** Where its own columns begin. */
  readonly #at: number

  constructor(budget: TemplateBudget, slab = new Slab(ServiceState.bytes)) {
    this.#slab = slab
    this.#doubles = slab.allDoubles
    this.#at = slab.placeOfDoubles(4)
    this.#doubles.fill(-1, this.#at, this.#at + 4)
    this.#doubles[this.#at + LOGS_LEARNED] = 0
    this.templates = new TemplateStore(budget)
    this.latency = new Latency(slab)
    this.levels = new Levels(slab)
    this.novelty = new Novelty(slab)
    this.volume = new Volume(slab)
    this.windows = new EventWindows(slab)
    this.shift = new BlockMaxima(1.75, slab)
    this.exceedance = new BlockMaxima(2, slab)
    this.surge = new BlockMaxima(1.2, slab)
    this.burst = new BlockMaxima(1.5, slab)
    this.quietness = new BlockMaxima(1, slab)
    this.quiet = new QuietWatch(slab)
    this.spending = new Spending(slab)
  }

  /** Logs learned. */
  get logs(): number {
    return this.#doubles[this.#at + LOGS_LEARNED]!
  }

  /** Number of the 10-minute block that event time is in; -1 before the first log. */
  get block(): number {
    return this.#doubles[this.#at + BLOCK]!
  }

  /** One log more was learned. */
  count(): void {
    this.#doubles[this.#at + LOGS_LEARNED]!++
  }

  /** Event time's bucket of the last log; -1 without one. */
  get lastLogBucket(): number {
    return this.quiet.lastLog
  }

  /** Too short a time is known to say what a service does now and then. */
  get young(): boolean {
    return this.windows.bucket * BUCKET_SECONDS - this.#doubles[this.#at + FIRST_SEEN]! < YOUNG_SECONDS
  }

  /** How much the log at hand may teach the baselines. */
  get learningWeight(): number {
    const alarmSince = this.#doubles[this.#at + ALARM_SINCE]!
    if (alarmSince < 0 && !this.quiet.open) return 1
    const since = alarmSince >= 0 ? alarmSince : this.quiet.sinceSeconds
    if (since - this.#doubles[this.#at + FIRST_SEEN]! < YOUNG_SECONDS) return 1
    return this.windows.bucket * BUCKET_SECONDS - since > ALARM_SECONDS_MAX ? 1 : WEIGHT_IN_ALARM
  }

  /** Event time reaches this bucket. One that is a little earlier changes nothing. */
  advance(bucket: number): void {
    const windows = this.windows
    if (bucket <= windows.bucket && bucket >= windows.bucket - SILENCE_BUCKETS) return
    if (windows.bucket < 0) this.#doubles[this.#at + FIRST_SEEN] = bucket * BUCKET_SECONDS
    if (windows.bucket < 0 || bucket < windows.bucket || bucket - windows.bucket > GAP_BUCKETS_MAX) {
      windows.restart(bucket)
      this.quiet.restart(bucket)
    } else if (bucket - windows.bucket > SILENCE_BUCKETS) windows.restart(bucket)
    while (windows.bucket < bucket) {
      this.volume.learn(windows.newest(), windows.minute(LOGS), this.learningWeight)
      windows.next()
    }
    const block = Math.floor(bucket / BUCKETS_PER_BLOCK)
    if (block !== this.block) this.#enterBlock(block)
  }

  /** The strongest of the window statistics decides whether the service is in an incident. */
  noteAlarm(surprise: number): void {
    const since = this.#at + ALARM_SINCE
    const inAlarm = this.#doubles[since]! >= 0
    if (!inAlarm && surprise > ALARM_ON) this.#doubles[since] = this.windows.bucket * BUCKET_SECONDS
    else if (inAlarm && surprise < ALARM_OFF) this.#doubles[since] = -1
  }

  exchange(bytes: StateBytes): void {
    bytes.numbers(this.#slab.bytes)
    this.templates.exchange(bytes)
  }

  #enterBlock(block: number): void {
    const before = this.block
    if (before >= 0 && block > before) {
      const factor = Math.exp((-(block - before) * BLOCK_SECONDS) / MEMORY_SECONDS)
      for (const part of [this.templates, this.latency, this.levels, this.novelty]) part.decay(Math.max(0.1, factor))
    }
    this.#doubles[this.#at + BLOCK] = block
    this.volume.settle()
    for (const part of [this.shift, this.exceedance, this.surge, this.burst, this.quietness]) part.enter(block)
  }
}

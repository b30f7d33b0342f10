/** Everything learned about one service, and the passing of event time over it. */
import { BlockMaxima } from './block-maxima.ts'
import { BUCKET_SECONDS, EventWindows, LOGS } from './event-windows.ts'
import { Latency } from './latency.ts'
import { Levels } from './levels.ts'
import { Novelty } from './novelty.ts'
import { QuietWatch } from './quiet-watch.ts'
import type { StateBytes } from './state-bytes.ts'
import { type TemplateBudget, TemplateStore } from './template-store.ts'
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

export class ServiceState {
  readonly templates: TemplateStore
  readonly latency = new Latency()
  readonly levels = new Levels()
  readonly novelty = new Novelty()
  readonly volume = new Volume()
  readonly windows = new EventWindows()
  readonly shift = new BlockMaxima(2)
  readonly exceedance = new BlockMaxima(2)
  readonly surge = new BlockMaxima(1.2)
  readonly burst = new BlockMaxima(1.5)
  /** Of its budget of anomalies, where it has one. */
  readonly spending = new Spending()
  readonly quietness = new BlockMaxima(1)
  readonly quiet = new QuietWatch()
  /** Logs learned. */
  logs = 0
  block = -1
  #alarmSince = -1
  #firstSeen = -1

  constructor(budget: TemplateBudget) {
    this.templates = new TemplateStore(budget)
  }

  /** Event time's bucket of the last log; -1 without one. */
  get lastLogBucket(): number {
    return this.quiet.lastLog
  }

  /** Too short a time is known to say what a service does now and then. */
  get young(): boolean {
    return this.windows.bucket * BUCKET_SECONDS - this.#firstSeen < YOUNG_SECONDS
  }

  /** How much the log at hand may teach the baselines. */
  get learningWeight(): number {
    if (this.#alarmSince < 0 && !this.quiet.open) return 1
    const since = this.#alarmSince >= 0 ? this.#alarmSince : this.quiet.sinceSeconds
    if (since - this.#firstSeen < YOUNG_SECONDS) return 1
    return this.windows.bucket * BUCKET_SECONDS - since > ALARM_SECONDS_MAX ? 1 : WEIGHT_IN_ALARM
  }

  /** Event time reaches this bucket. One that is a little earlier changes nothing. */
  advance(bucket: number): void {
    const windows = this.windows
    if (bucket <= windows.bucket && bucket >= windows.bucket - SILENCE_BUCKETS) return
    if (windows.bucket < 0) this.#firstSeen = bucket * BUCKET_SECONDS
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
    if (this.#alarmSince < 0 && surprise > ALARM_ON) this.#alarmSince = this.windows.bucket * BUCKET_SECONDS
    else if (this.#alarmSince >= 0 && surprise < ALARM_OFF) this.#alarmSince = -1
  }

  exchange(bytes: StateBytes): void {
    this.logs = bytes.number(this.logs)
    this.block = bytes.number(this.block)
    this.#alarmSince = bytes.number(this.#alarmSince)
    this.#firstSeen = bytes.number(this.#firstSeen)
    const parts = [this.templates, this.latency, this.levels, this.novelty, this.volume, this.windows]
    const { shift, exceedance, surge, burst, quietness, quiet, spending } = this
    for (const part of [...parts, shift, exceedance, surge, burst, quietness, quiet, spending]) part.exchange(bytes)
  }

  #enterBlock(block: number): void {
    if (this.block >= 0 && block > this.block) {
      const factor = Math.exp((-(block - this.block) * BLOCK_SECONDS) / MEMORY_SECONDS)
      for (const part of [this.templates, this.latency, this.levels, this.novelty]) part.decay(Math.max(0.1, factor))
    }
    this.block = block
    this.volume.settle()
    for (const part of [this.shift, this.exceedance, this.surge, this.burst, this.quietness]) part.enter(block)
  }
}

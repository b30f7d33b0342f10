/**
 * How large a batch may be and how long its first record may wait, from how long batches take to be stored: the age goal at the
 * least cost. Few large transactions cost the database less than many small ones, so a batch waits as long as the goal allows, and
 * no longer than the operator does.
 *
 *   age of a log = wait for its batch + time until that is stored      wait <= goal / 2 - stored, within [1 ms, intervalMs]
 *   one that takes longer than goal / 2 by itself is too slow          half its rows or fewer: a trial
 *   the smaller one saves less than half of what its rows should       the rows are not the reason: back, half as long again is borne
 *   a full batch that leaves room, or whose rows are not the reason    half as many rows again
 *   further behind than the goal, nobody's age can be saved            a second instead of goal / 2: throughput alone counts
 *
 * It begins with few rows, so that a slow database is known before a batch is large enough to come near the deadline of its
 * transaction. A state machine on times that it is told; no clock of its own.
 */
import type { BatchLimits } from './batcher.ts'

export interface BatchTunerBounds extends BatchLimits {
  /** Age at which 99 of 100 logs should be visible, in ms. */
  readonly ageTargetMs: number
}

const ROWS_MIN = 100
const ROWS_FIRST = 1_000
/** What a batch may take while catching up: far from any deadline, and more would win nothing. */
const CATCHING_UP_MS = 1_000
/** The most that is borne where smaller batches are no quicker: half of a transaction's deadline. */
const BEARABLE_MAX_MS = 7_500
const BEARABLE = 1.5
/** Weight of the newest batch in the mean. */
const NEWEST = 0.2
const GROWTH = 1.5

interface Batch {
  readonly rows: number
  /** The limit it was cut under. */
  readonly rowsMax: number
  readonly atMs: number
}

interface LaneTimes {
  /** Batches that were cut and are not stored yet, oldest first. */
  readonly open: Batch[]
  lastSettledMs: number
  lastCutMs: number
}

/** What makes batches slow, as far as it was tried: their rows, or the server whatever their rows are. */
type Slow = { readonly by: 'nothing' | 'rows' } | { readonly by: 'server'; readonly bearableMs: number }

const bearing = (tookMs: number): Slow => ({
  by: 'server',
  bearableMs: Math.min(BEARABLE_MAX_MS, tookMs * BEARABLE),
})

export class BatchTuner {
  readonly #bounds: BatchTunerBounds
  readonly #lanes = new Map<number, LaneTimes>()
  #storedInMs = 0
  #rowsMax: number
  /** The batch that was too slow, until a smaller one shows whether its rows were the reason. */
  #trial: (Batch & { readonly tookMs: number }) | null = null
  #slow: Slow = { by: 'nothing' }
  #behindSeconds = 0

  constructor(bounds: BatchTunerBounds) {
    this.#bounds = bounds
    this.#rowsMax = Math.min(bounds.rowsMax, ROWS_FIRST)
  }

  get limits(): BatchLimits {
    const { bytesMax, intervalMs, ageTargetMs } = this.#bounds
    const rowsMax = this.#rowsMax
    if (this.catchingUp) return { rowsMax, bytesMax, intervalMs }
    const wait = ageTargetMs / 2 - this.#storedInMs
    return { rowsMax, bytesMax, intervalMs: Math.max(1, Math.min(intervalMs, wait)) }
  }

  /** Mean time from cut to stored, in ms. */
  get storedInMs(): number {
    return this.#storedInMs
  }

  get catchingUp(): boolean {
    return this.#behindSeconds * 1000 > this.#bounds.ageTargetMs * 4
  }

  /**
   * While nothing of a lane is being stored, should what has come be stored at once? After a whole interval without a batch, yes: it need not
   * wait for company. Far behind as well: then an idle database is the only waste.
   */
  mayHurry(lane: number, nowMs: number): boolean {
    return this.catchingUp || nowMs - this.#timesOf(lane).lastCutMs >= this.limits.intervalMs
  }

  /** The age of the oldest record that is not stored yet, in s. */
  behind(seconds: number): void {
    this.#behindSeconds = seconds
  }

  cut(lane: number, rows: number, nowMs: number): void {
    const times = this.#timesOf(lane)
    times.lastCutMs = nowMs
    times.open.push({ rows, rowsMax: this.#rowsMax, atMs: nowMs })
  }

  /** The oldest open batch of a lane is stored, or given up. */
  settled(lane: number, nowMs: number): void {
    const times = this.#timesOf(lane)
    const batch = times.open.shift()
    if (batch === undefined) return
    const storedInMs = nowMs - batch.atMs
    this.#storedInMs += (storedInMs - this.#storedInMs) * (this.#storedInMs === 0 ? 1 : NEWEST)
    const ownMs = nowMs - Math.max(batch.atMs, times.lastSettledMs)
    times.lastSettledMs = nowMs
    // One that was cut before the last change says nothing of it.
    if (batch.rows > 0 && batch.rowsMax === this.#rowsMax) this.#judge(batch, ownMs)
  }

  #timesOf(lane: number): LaneTimes {
    let times = this.#lanes.get(lane)
    if (times === undefined) {
      times = { open: [], lastSettledMs: Number.NEGATIVE_INFINITY, lastCutMs: Number.NEGATIVE_INFINITY }
      this.#lanes.set(lane, times)
    }
    return times
  }

  #judge(batch: Batch, tookMs: number): void {
    const mostMs = this.#mostMs
    const trial = this.#trial
    this.#trial = null
    if (tookMs <= mostMs / 4) this.#slow = { by: 'nothing' }
    if (trial !== null && batch.rows < trial.rows) {
      const shouldSaveMs = trial.tookMs * (1 - batch.rows / trial.rows)
      if (trial.tookMs - tookMs < shouldSaveMs / 2) {
        this.#slow = bearing(trial.tookMs)
        this.#resize(trial.rowsMax)
        return
      }
      this.#slow = { by: 'rows' }
    }
    if (tookMs > mostMs && batch.rows <= ROWS_MIN) this.#slow = bearing(tookMs)
    if (tookMs > (this.#slow.by === 'server' ? Math.max(mostMs, this.#slow.bearableMs) : mostMs)) {
      this.#trial = { ...batch, tookMs }
      this.#resize(batch.rows * Math.min(0.5, Math.max(0.25, mostMs / tookMs)))
    } else if (batch.rows >= batch.rowsMax && (tookMs * GROWTH <= mostMs || this.#slow.by !== 'rows')) {
      this.#resize(batch.rowsMax * GROWTH)
    }
  }

  get #mostMs(): number {
    const half = this.#bounds.ageTargetMs / 2
    return this.catchingUp ? Math.max(half, CATCHING_UP_MS) : half
  }

  #resize(rows: number): void {
    this.#rowsMax = Math.min(this.#bounds.rowsMax, Math.max(ROWS_MIN, Math.round(rows)))
  }
}

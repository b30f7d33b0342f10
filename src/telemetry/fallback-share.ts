/** The share of logs of the last minute that the engine did not judge, in twelve buckets of five seconds. */
const BUCKET_MS = 5_000
const BUCKETS = 12

export class FallbackShare {
  readonly #clock: () => number
  readonly #logs = new Float64Array(BUCKETS)
  readonly #fallen = new Float64Array(BUCKETS)
  #bucket: number
  #used = false

  constructor(clock: () => number) {
    this.#clock = clock
    this.#bucket = Math.floor(clock() / BUCKET_MS)
  }

  add(logs: number, fallen: number): void {
    this.#roll()
    this.#used = true
    this.#logs[this.#bucket % BUCKETS]! += logs
    this.#fallen[this.#bucket % BUCKETS]! += fallen
  }

  /** 0 where no log came within the minute; null before the first. */
  get value(): number | null {
    if (!this.#used) return null
    this.#roll()
    const logs = this.#logs.reduce((sum, each) => sum + each, 0)
    return logs === 0 ? 0 : this.#fallen.reduce((sum, each) => sum + each, 0) / logs
  }

  #roll(): void {
    const bucket = Math.floor(this.#clock() / BUCKET_MS)
    for (let next = Math.max(this.#bucket + 1, bucket - BUCKETS + 1); next <= bucket; next++) {
      this.#logs[next % BUCKETS] = 0
      this.#fallen[next % BUCKETS] = 0
    }
    this.#bucket = bucket
  }
}

/**
 * A histogram fed once per batch, not once per log: the library's `observe` walks a map for every value, this one adds to
 * an array. Writes its own Prometheus text.
 */
export class BulkHistogram {
  readonly name: string
  readonly help: string
  readonly type = 'histogram'
  readonly #bounds: Float64Array
  /** One more than bounds: the last counts what lies above all of them. */
  readonly #counts: Float64Array
  #sum = 0
  /** The bucket of the value before: those of a batch are alike. */
  #last = 0

  constructor({ name, help, bounds }: { name: string; help: string; bounds: readonly number[] }) {
    this.name = name
    this.help = help
    this.#bounds = Float64Array.from(bounds)
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    const last = this.#last
    const alike = (last === bounds.length || value <= bounds[last]!) && (last === 0 || value > bounds[last - 1]!)
    if (!alike) this.#last = this.#bucketOf(value)
    this.#counts[this.#last]!++
    this.#sum += value
  }

  #bucketOf(value: number): number {
    const bounds = this.#bounds
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= bounds[middle]!) high = middle
      else low = middle + 1
    }
    return low
  }

  text(): string {
    const lines = [`# HELP ${this.name} ${this.help}`, `# TYPE ${this.name} histogram`]
    let below = 0
    this.#counts.forEach((count, at) => {
      below += count
      lines.push(`${this.name}_bucket{le="${this.#bounds[at] ?? '+Inf'}"} ${below}`)
    })
    lines.push(`${this.name}_sum ${this.#sum}`, `${this.name}_count ${below}`)
    return `${lines.join('\n')}\n`
  }
}

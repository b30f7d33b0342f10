/** What is wrong between this process and Kafka. */
export class KafkaWeather {
  way: 'open' | 'cut' | 'dark' = 'open'
  /** Answers to fetches come up to so much later. */
  fetchDelayMs = 0
  /** The client leaves out the first batch of so many answers. */
  skips = 0
  /** The client hands over batches again that lie before the offset asked for. */
  repeats = 0
  /** The client shows nothing of these partitions until they are claimed anew, or connected anew. */
  readonly silent = new Map<number, 'claimed' | 'connected'>()
  readonly #healed = new Set<() => void>()

  set(way: KafkaWeather['way']): void {
    this.way = way
    if (way === 'dark') return
    for (const go of [...this.#healed]) go()
    this.#healed.clear()
  }

  /** Runs once the way is not dark any more. */
  whenLight(act: () => void): () => void {
    this.#healed.add(act)
    return () => void this.#healed.delete(act)
  }
}

/**
 * When a worker comes to rest, one thorough garbage collection gives back what work has left behind. V8 by itself collects an idle heap
 * too, but keeps the pages: a worker that had nothing more to do stayed at what its start or its last backlog had needed, 20 MB more.
 */
import { collectThoroughly } from './garbage.ts'

const LOOK_EVERY_MS = 5_000

/** When it is worth it: once after each stretch of work, when fewer than `few` logs came between two looks, twice in a row. */
export class RestWatch {
  readonly #few: number
  #seen = 0
  #quietLooks = 0
  /** A start leaves more behind than any backlog. */
  #worked = true

  constructor(few: number) {
    this.#few = few
  }

  /** `logs`: all until now. True: collect now. */
  due(logs: number): boolean {
    const came = logs - this.#seen
    this.#seen = logs
    if (came >= this.#few) {
      this.#worked = true
      this.#quietLooks = 0
      return false
    }
    this.#quietLooks++
    if (!this.#worked || this.#quietLooks < 2) return false
    this.#worked = false
    return true
  }
}

/** About 100 ms of CPU, in which nothing else happens. Answers how to end the watch, which keeps no process alive by itself. */
export function collectAtRest(logs: () => number, few = 500): () => void {
  const watch = new RestWatch(few)
  const timer = setInterval(() => {
    if (watch.due(logs())) collectThoroughly()
  }, LOOK_EVERY_MS).unref()
  return () => clearInterval(timer)
}

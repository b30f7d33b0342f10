/** What happens when: one queue of events on a clock that jumps from one to the next. Equal times keep the order of asking. */

export interface Scheduled {
  readonly atMs: number
  readonly order: number
  act: (() => void) | null
}

/** So many turns are asked for at once: the loop of the machine costs more than a step. */
const TURNS = 64

export class Schedule {
  nowMs = 0
  steps = 0
  readonly #heap: Scheduled[] = []
  #order = 0

  after(ms: number, act: () => void): Scheduled {
    const event: Scheduled = { atMs: this.nowMs + Math.max(0, ms), order: this.#order++, act }
    this.#push(event)
    return event
  }

  cancel(event: Scheduled): void {
    event.act = null
  }

  /** The next event. False when nothing is left. */
  step(): boolean {
    let event = this.#pop()
    while (event !== null && event.act === null) event = this.#pop()
    if (event === null || event.act === null) return false
    this.nowMs = event.atMs
    this.steps++
    event.act()
    return true
  }

  /**
   * One event after the other, each with everything that follows from it without time passing, until `over` says so between two
   * of them, or nothing is left. What `over` throws ends it.
   */
  run(over: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let ended = false
    let asked = 0
    // Each turn is an immediate of its own: between two of them every promise that can go on has gone on.
    const turn = (): void => {
      asked--
      if (ended) return
      try {
        ended = over() || !this.step()
      } catch (error) {
        ended = true
        reject(error)
      }
      if (ended) resolve()
      else if (asked === 0) ask()
    }
    const ask = (): void => {
      for (asked = 0; asked < TURNS; asked++) setImmediate(turn)
    }
    ask()
    return promise
  }

  #push(event: Scheduled): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]!
      if (!before(event, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  #pop(): Scheduled | null {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined) return null
    if (heap.length > 0) this.#sink(last)
    return first
  }

  #sink(event: Scheduled): void {
    const heap = this.#heap
    const length = heap.length
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      if (child + 1 < length && before(heap[child + 1]!, heap[child]!)) child++
      const below = heap[child]!
      if (!before(below, event)) break
      heap[at] = below
      at = child
    }
    heap[at] = event
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}

/** Every promise that can go on has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

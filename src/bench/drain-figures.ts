/** What is made of the moments of a drain: how fast it was as a whole, and in its slowest tenth. */

/** So many rows were stored by then. */
export interface Mark {
  /** On the monotonic clock. */
  readonly atMs: number
  readonly rows: number
  /** Of the worker, since its start; null where it can't be read. */
  readonly cpuSeconds: number | null
}

export interface DrainFigures {
  readonly rowsPerSecond: number
  /** Of the slowest tenth, the first one left out; the whole's own rate where the rows came in fewer than three steps. */
  readonly slowestTenth: number
  readonly cpuSecondsPerMillion: number | null
}

/** `marks`: at the first rows and after each tenth, in order. One batch may bring more than a tenth: then that is one step. */
export function drainFigures(marks: readonly Mark[]): DrainFigures {
  const steps = marks.filter(({ rows }, at) => rows > (marks[at - 1]?.rows ?? -1))
  const [first, last] = [steps[0], steps.at(-1)]
  if (first === undefined || last === undefined) throw new RangeError('nothing was drained')
  const rowsPerSecond = rate(first, last)
  const tenths = steps.slice(2).map((to, at) => rate(steps[at + 1] ?? first, to))
  const cpu = first.cpuSeconds === null || last.cpuSeconds === null ? null : last.cpuSeconds - first.cpuSeconds
  return {
    rowsPerSecond,
    slowestTenth: tenths.length === 0 ? rowsPerSecond : Math.min(...tenths),
    cpuSecondsPerMillion: cpu === null ? null : (cpu / (last.rows - first.rows)) * 1e6,
  }
}

function rate(from: Mark, to: Mark): number {
  return ((to.rows - from.rows) / (to.atMs - from.atMs)) * 1000
}

/** V8's own garbage collection on demand, which it shows only to contexts made while it is asked to. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'regular' | 'last-resort' }) => void

let found: Collect | null = null

function collector(): Collect {
  if (found !== null) return found
  setFlagsFromString('--expose-gc')
  const gc: Collect = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  found = gc
  return gc
}

/** A full collection. Some 20 to 50 ms in which nothing else happens. */
export function collectGarbage(): void {
  collector()({ type: 'major', execution: 'sync', flavor: 'regular' })
}

/** Several of them, and what pages they leave empty is given back. About 100 ms of CPU. */
export function collectThoroughly(): void {
  collector()({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

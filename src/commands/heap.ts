/**
 * How V8 is to treat its heap, so that a worker stays within MEMORY_LIMIT_MB. Left alone, V8 sizes its heap by the machine's memory and
 * lets garbage grow to several times what is alive: 370 to 620 MB resident at full speed on 24 GiB. And it counts the Buffers that come
 * and go with every fetch as growth of the old generation: 30 full collections a million logs, a quarter of the CPU; 12 where they count
 * against the whole heap.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { collectGarbage } from './garbage.ts'

const MIB = 1024 * 1024
/** What a worker takes beside what V8 keeps for it, in MiB: Node's own code and data, stacks, what malloc can't give back. */
const BESIDE_MIB = 104
/** Of what is alive, so much garbage may come before the next full collection, in percent: the less of it, the more collections. */
const GARBAGE_MAX = 90
const GARBAGE_MIN = 20

/** How much garbage the budget leaves room for, in percent of what is alive (bytes, Buffers too). */
export function garbagePercent(aliveBytes: number, memoryLimitMb: number): number {
  const room = (memoryLimitMb - BESIDE_MIB) * MIB - aliveBytes
  return Math.max(GARBAGE_MIN, Math.min(GARBAGE_MAX, Math.floor((room / aliveBytes) * 100)))
}

function kindOf(entry: object): unknown {
  const detail: unknown = Reflect.get(entry, 'detail')
  return typeof detail === 'object' && detail !== null ? Reflect.get(detail, 'kind') : undefined
}

/** For the rest of the process: what is alive after each full collection decides how long the next one may wait. */
export function keepHeapSmall(memoryLimitMb: number): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--semi-space-growth-factor=1')
  let percent = GARBAGE_MAX
  setFlagsFromString(`--heap-growing-percent=${percent}`)
  new PerformanceObserver((list) => {
    if (!list.getEntries().some((entry) => kindOf(entry) === constants.NODE_PERFORMANCE_GC_MAJOR)) return
    const { heapUsed, external } = process.memoryUsage()
    const wanted = garbagePercent(heapUsed + external, memoryLimitMb)
    if (wanted !== percent) setFlagsFromString(`--heap-growing-percent=${wanted}`)
    percent = wanted
  }).observe({ entryTypes: ['gc'] })
}

/** Of the budget, so much may come in large records before what they left behind is collected. */
const SHARE = 1 / 8

/**
 * Garbage of large messages. What has to hold one as a whole (the chunks it came in, the message, its plain bytes) is several times its
 * size, and V8 begins a collection in its own time: some messages of 10 MB later. To be told of their bytes, compressed and plain.
 */
export function afterLargeRecords(
  memoryLimitMb: number,
  collect: () => void = collectGarbage,
): (bytes: number) => void {
  let came = 0
  return (bytes) => {
    came += bytes
    if (came < memoryLimitMb * MIB * SHARE) return
    came = 0
    collect()
  }
}

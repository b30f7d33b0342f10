/** Where a worker's CPU goes, out of a profile of V8. */
import { fixed, markdownTable, percent } from './markdown.ts'

export interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

/** As `node --cpu-prof` writes it. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  /** Ids of nodes, and the microseconds before each. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
  /** Microseconds on the machine's monotonic clock, that of process.hrtime. */
  readonly startTime: number
  readonly endTime?: number
}

/** Only what was sampled in [fromUs, toUs) of the monotonic clock. */
export function within(profile: CpuProfile, fromUs: number, toUs: number): CpuProfile {
  let atUs = profile.startTime
  const kept = profile.timeDeltas.map((delta) => {
    atUs += delta
    return atUs >= fromUs && atUs < toUs
  })
  return {
    nodes: profile.nodes,
    startTime: fromUs,
    endTime: toUs,
    samples: profile.samples.filter((_, at) => kept[at]),
    timeDeltas: profile.timeDeltas.filter((_, at) => kept[at]),
  }
}

/** Nothing ran, or nothing of ours: the process waited. */
export const WAITING: ReadonlySet<string> = new Set(['(idle)', '(program)'])

/** Microseconds by node, without those of the nodes below. */
export function selfTimes({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const self = new Map<number, number>()
  for (const [at, id] of samples.entries()) self.set(id, (self.get(id) ?? 0) + Math.max(0, timeDeltas[at] ?? 0))
  return self
}

export interface Hotspots {
  /** Parts of 1, the largest first. */
  readonly areas: readonly { readonly name: string; readonly share: number }[]
  /** The functions with the most time of their own. */
  readonly functions: readonly { readonly name: string; readonly share: number }[]
}

const FUNCTIONS_SHOWN = 20

/** Of the time in which something ran. */
export function hotspots(profile: CpuProfile): Hotspots {
  const areas = new Map<string, number>()
  const functions = new Map<string, number>()
  const self = selfTimes(profile)
  let all = 0
  for (const node of profile.nodes) {
    const time = self.get(node.id) ?? 0
    if (time === 0 || WAITING.has(node.callFrame.functionName)) continue
    all += time
    const [area, name] = [areaOf(node), functionOf(node)]
    areas.set(area, (areas.get(area) ?? 0) + time)
    functions.set(name, (functions.get(name) ?? 0) + time)
  }
  const shares = (times: ReadonlyMap<string, number>) =>
    [...times].map(([name, time]) => ({ name, share: time / all })).sort((a, b) => b.share - a.share)
  return { areas: shares(areas), functions: shares(functions).slice(0, FUNCTIONS_SHOWN) }
}

const OURS = /\/(?:src|dist)\/((?:[\w-]+\/)*[\w-]+)\.[jt]s$/

function areaOf({ callFrame: { functionName, url } }: ProfileNode): string {
  if (functionName === '(garbage collector)') return 'garbage collection'
  const module = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
  if (module !== undefined) return module
  const ours = OURS.exec(url)?.[1]
  if (ours !== undefined) return ours.includes('/') ? `src/${ours.split('/')[0]}` : 'src'
  return url.startsWith('node:') ? 'Node' : 'V8 and built-in functions'
}

function functionOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  const file = OURS.exec(url)?.[1] ?? /\/node_modules\/(.+)$/.exec(url)?.[1] ?? url
  return file === '' ? name : `${name}, ${file}:${lineNumber + 1}`
}

export function hotspotsTable({ areas, functions }: Hotspots, cpuSecondsPerMillion: number | null): string {
  const cost = (share: number): string => (cpuSecondsPerMillion === null ? '' : fixed(share * cpuSecondsPerMillion))
  const row = ({ name, share }: { name: string; share: number }): string[] => [name, percent(share * 100), cost(share)]
  const shown = areas.filter(({ share }) => share >= 0.005)
  return [
    markdownTable(['area', 'of its CPU', 'CPU-s/M'], shown.map(row)),
    markdownTable(['function, its own time', 'of its CPU', 'CPU-s/M'], functions.map(row)),
  ].join('\n\n')
}

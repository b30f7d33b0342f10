/** The runs of fuzz so far, a line of JSON each: they add up, and a run without a seed goes on where the last one of its kind ended. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'

export interface FuzzRun {
  readonly kind: string
  /** Seeds [from, to). */
  readonly from: number
  readonly to: number
  readonly inputs: number
  readonly findings: number
  readonly seconds: number
}

export function addRun(file: string, run: FuzzRun): void {
  mkdirSync(dirname(file), { recursive: true })
  appendFileSync(file, `${JSON.stringify(run)}\n`)
}

/** Of one kind, in the order in which they ended. A line that a machine's end has cut off counts for nothing. */
export function readRuns(file: string, kind: string): FuzzRun[] {
  if (!existsSync(file)) return []
  const runs = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as FuzzRun]
      } catch {
        return []
      }
    })
  return runs.filter((each) => each.kind === kind)
}

/** The first seed that no run has used. */
export function nextSeed(runs: readonly FuzzRun[]): number {
  return Math.max(1, ...runs.map(({ to }) => to))
}

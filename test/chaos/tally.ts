/** The runs of chaos so far, a line of JSON each, so that they add up over days and machines. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Run } from './chaos.ts'

/** In one write, so that two runs at once don't mix. */
export function addRun(file: string, run: Run): void {
  mkdirSync(dirname(file), { recursive: true })
  appendFileSync(file, `${JSON.stringify(run)}\n`)
}

/** In the order in which they ended. A line that was cut off by a machine's end counts for nothing; none where there is no file. */
export function readRuns(file: string): Run[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Run]
      } catch {
        return []
      }
    })
}

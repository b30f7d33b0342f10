/** What the demo sends: a believable system's logs with hostile messages spread among them, or the lines of a file. */
import { generate } from './generator.ts'
import { type HostileMessage, hostileMessages } from './hostile.ts'
import type { Incident } from './incidents.ts'

type DemoMessage = Pick<HostileMessage, 'value' | 'headers' | 'timestamp'>

export interface Script {
  /** Messages in all; null where nobody can know. */
  readonly total: number | null
  readonly incidents: readonly Incident[]
  messages(): AsyncIterable<DemoMessage>
}

const DAY_MS = 86_400_000

/** The system's last days end with the midnight before `nowMs`, so that its logs are neither future nor long ago. */
export function generatedScript({ logs, seed, nowMs }: { logs: number; seed: number; nowMs: number }): Script {
  const hostile = hostileMessages()
  const dayMs = nowMs - (nowMs % DAY_MS)
  const { incidents, lines } = generate({ seed, logs, startMs: dayMs - DAY_MS * daysOf(logs) })
  const every = Math.max(1, Math.floor(logs / (hostile.length + 1)))
  async function* messages(): AsyncGenerator<DemoMessage> {
    let index = 0
    for (const { json } of lines()) {
      yield { value: Buffer.from(json) }
      index++
      const bad = index % every === 0 ? hostile[index / every - 1] : undefined
      if (bad !== undefined) yield bad
    }
    for (const bad of hostile.slice(Math.floor(index / every))) yield bad
  }
  return { total: logs + hostile.length, incidents, messages }
}

/** Whole days, and one to spare: a day is about 240,000 logs, a quiet one fewer. */
function daysOf(logs: number): number {
  return Math.ceil(logs / 240_000) + 1
}

export function fileScript(lines: AsyncIterable<Buffer>): Script {
  async function* messages(): AsyncGenerator<DemoMessage> {
    for await (const value of lines) yield { value }
  }
  return { total: null, incidents: [], messages }
}

/** Small labelled sets of our own, in the formats that `evaluate` knows, in a folder that is removed when the test ends. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { testRandom } from './log-stream.ts'

const START_SECONDS = 1_767_225_600

/** Files by path within the folder; those whose name ends in .gz are compressed. Gives the folder. */
export async function folderWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await scratchFolder('labelled')
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, path.endsWith('.gz') ? gzipSync(text) : text)
  }
  return folder
}

/** 300 points of a square, 12 of them far outside and labelled. */
export function tableText(): string {
  const random = testRandom(3)
  const rows = Array.from({ length: 300 }, (_, i) => {
    const far = i % 25 === 0 ? 3 : 0
    return `${random() + far},${random() - far},${far > 0 ? 1 : 0}`
  })
  return `x,y,label\n${rows.join('\n')}\n`
}

interface ReplayFiles {
  readonly 'logs.jsonl': string
  readonly 'labels.csv': string
  readonly 'incidents.json': string
  readonly 'meta.json': string
}

/** An hour and a half of one service, a log a second, with a minute of slow ones after an hour. */
export function replayFiles(): ReplayFiles {
  const random = testRandom(5)
  const [from, to] = [START_SECONDS + 4000, START_SECONDS + 4060]
  const logs: string[] = []
  const labels = ['t,service,label,incident_id']
  for (let i = 0; i < 5400; i++) {
    const seconds = START_SECONDS + i
    const slow = seconds >= from && seconds <= to
    const latency = Math.round((20 + 10 * random()) * (slow ? 20 : 1))
    logs.push(
      JSON.stringify({
        service: 'shop',
        level: 'INFO',
        message: `GET /api/cart/${i} 200`,
        timestamp: new Date(seconds * 1000).toISOString(),
        latency_ms: latency,
      }),
    )
    labels.push(`${seconds}.000,shop,${slow ? 1 : 0},${slow ? 1 : 0}`)
  }
  const incident = { id: 1, type: 'latency_spike', service: 'shop', start: from, end: to, start_significant: from }
  return {
    'logs.jsonl': `${logs.join('\n')}\n`,
    'labels.csv': `${labels.join('\n')}\n`,
    'incidents.json': JSON.stringify([incident]),
    'meta.json': JSON.stringify({ eval_start: START_SECONDS + 3600, t_end: START_SECONDS + 5400 }),
  }
}

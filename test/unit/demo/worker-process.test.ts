/** When a worker counts as started: tried with programs that take their time, end, or never get ready. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startWorkerProcess, type WorkerOptions } from '../../../src/demo/worker-process.ts'

describe('a worker process', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'insighthub-worker-process-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** Writes its pid into the file `pid`, and the number of questions into `asked`; ready at the question of that number. */
  const program = (readyAt: number): string => `
    import { writeFileSync } from 'node:fs'
    import { createServer } from 'node:http'
    let asked = 0
    writeFileSync('${folder}/pid', String(process.pid))
    const server = createServer((request, response) => {
      writeFileSync('${folder}/asked', String(++asked))
      response.writeHead(asked >= ${readyAt} ? 200 : 503).end('{"ready":false,"missing":["the group is not joined"]}')
    })
    server.listen(0, '127.0.0.1', () => console.log('listening on http://127.0.0.1:' + server.address().port))`

  const start = async (source: string, more: Partial<WorkerOptions> = {}) => {
    await rm(join(folder, 'asked'), { force: true })
    const entry = join(folder, 'worker.mjs')
    await writeFile(entry, source)
    return startWorkerProcess({ entry, env: process.env, logFile: join(folder, 'log'), ...more })
  }
  const asked = (): boolean => existsSync(join(folder, 'asked'))
  const isGone = (): boolean => {
    try {
      process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 0)
      return false
    } catch {
      return true
    }
  }

  test('is asked until it says that it is ready', async () => {
    const worker = await start(program(4))
    assert.equal(readFileSync(join(folder, 'asked'), 'utf8'), '4')
    assert.equal(String(worker.pid), readFileSync(join(folder, 'pid'), 'utf8'))
    await worker.kill()
  })

  test('that ended before is told with what it said', async () => {
    const failing = start('console.log("DB_PORT is no number"); process.exitCode = 78')
    await assert.rejects(failing, /A worker ended before it was ready; it said:\nDB_PORT is no number/)
  })

  test('that is not ready in five minutes is told with what it lacks, and is gone', async () => {
    // Time passes once it was asked.
    const never = start(program(1e9), { clock: () => (asked() ? 300_001 : 0) })
    await assert.rejects(
      never,
      /not ready within 300 s; it said:\nlistening on [\s\S]*\/readyz: .*the group is not joined/,
    )
    assert.ok(isGone())
  })

  test('that nobody waits for any more is gone', async () => {
    const given = new AbortController()
    const never = start(program(1e9), {
      signal: given.signal,
      clock: () => {
        if (asked()) given.abort()
        return 0
      },
    })
    await assert.rejects(never, /Interrupted/)
    assert.ok(isGone())
  })
})

/** The ML engine's state file under real stops: a SIGTERM loses nothing, a SIGKILL at any moment leaves a whole file. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { StateFile } from '../../src/ml-engine/state-file.ts'
import { scratchFolder } from '../../src/scratch-folder.ts'
import { type EngineProcess, startEngineProcess } from '../support/engine-process.ts'
import { until } from '../support/until.ts'

const STATE_BYTES = 32 * 1024 * 1024

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await scratchFolder('state')
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const logs = (from: number, to: number): object[] =>
  Array.from({ length: to - from }, (_, i) => ({
    service: 'shop',
    level: 'INFO',
    message: `order ${from + i} charged`,
    latency_ms: 40 + ((from + i) % 17),
    timestamp: new Date(1_767_225_600_000 + 300 * (from + i)).toISOString(),
  }))

async function score(engine: EngineProcess, some: object[]): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${engine.url}/score/batch?brief=1`, { method: 'POST', headers, body: JSON.stringify({ logs: some }) }) // biome-ignore format: one line
  assert.equal(answer.status, 200)
  return answer.json()
}

/** Its value; null where there is none. */
async function metric(engine: EngineProcess, series: string): Promise<string | null> {
  const lines = (await (await fetch(`${engine.url}/metrics`)).text()).split('\n')
  return lines.find((line) => line.startsWith(`${series} `))?.slice(series.length + 1) ?? null
}
const started = (from: string): string => `insighthub_engine_starts_total{from="${from}"}`

async function terminate(engine: EngineProcess): Promise<void> {
  engine.signal('SIGTERM')
  await engine.exited
}

test('after SIGTERM and a start it scores as if nothing had been', () =>
  withFolder(async (folder) => {
    const env = { ML_ENGINE_STATE_FILE: join(folder, 'model.state') }
    const [stopped, steady] = [await startEngineProcess(env), await startEngineProcess()]
    let resumed: EngineProcess | null = null
    try {
      await score(stopped, logs(0, 3_000))
      await score(steady, logs(0, 3_000))
      await terminate(stopped)
      resumed = await startEngineProcess(env)
      assert.equal(await metric(resumed, started('state')), '1')
      assert.deepEqual(await score(resumed, logs(3_000, 4_000)), await score(steady, logs(3_000, 4_000)))
    } finally {
      for (const engine of [stopped, steady, resumed]) await engine?.stop()
    }
  }))

test('a file that is broken is a counted cold start, put aside; what was learned is written while it runs', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'model.state')
    await writeFile(path, 'no state at all')
    const engine = await startEngineProcess({ ML_ENGINE_STATE_FILE: path, ML_ENGINE_STATE_INTERVAL_MS: '100' })
    try {
      assert.equal(await metric(engine, started('cold')), '1')
      assert.equal(statSync(`${path}.unreadable`).size, 15)
      await score(engine, logs(0, 500))
      await until('the state is written', () => existsSync(path))
    } finally {
      await engine.stop()
    }
    const again = await startEngineProcess({ ML_ENGINE_STATE_FILE: path })
    try {
      assert.equal(await metric(again, started('state')), '1')
      assert.equal(await metric(again, 'insighthub_engine_services'), '1')
    } finally {
      await again.stop()
    }
  }))

test('a file in a folder that is not there stops nothing: it is told, and the engine scores', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'missing', 'model.state')
    const engine = await startEngineProcess({ ML_ENGINE_STATE_FILE: path, ML_ENGINE_STATE_INTERVAL_MS: '100' })
    try {
      await score(engine, logs(0, 100))
      const failed = 'insighthub_engine_state_writes_total{outcome="failed"}'
      await until('it is told', async () => (await metric(engine, failed)) !== null)
      await score(engine, logs(100, 200))
    } finally {
      await engine.stop()
    }
  }))

const WRITER = `
  const { StateFile } = await import(process.argv[1])
  const file = new StateFile(process.argv[2])
  for (let version = 1; ; version = (version % 250) + 1) {
    await file.write(Buffer.alloc(${STATE_BYTES}, version))
    process.stdout.write('.')
  }`

test('killed in the middle of writing, again and again, the file is whole each time', { timeout: 600_000 }, () =>
  withFolder(async (folder) => {
    const path = join(folder, 'model.state')
    const source = resolve(import.meta.dirname, '../../src/ml-engine/state-file.ts')
    const partly = (): boolean => {
      const size = statSync(`${path}.new`, { throwIfNoEntry: false })?.size ?? 0
      return size > 0 && size < STATE_BYTES
    }
    let inTheMiddle = 0
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, source, path], { stdio: ['ignore', 'pipe', 'inherit'] }) // biome-ignore format: one line
      const exited = once(child, 'exit')
      // One was written, and the next is being written.
      await once(child.stdout, 'data')
      while (!partly()) await new Promise(setImmediate)
      child.kill('SIGKILL')
      await exited
      if (partly()) inTheMiddle++
      const found = await new StateFile(path).read()
      assert.ok(found.kind === 'found', found.kind)
      const version = found.state[0] ?? 0
      assert.ok(version > 0 && Buffer.alloc(STATE_BYTES, version).equals(found.state), `round ${round}: a torn file`)
    }
    assert.ok(inTheMiddle > 0, 'no kill fell into a writing')
  }),
)

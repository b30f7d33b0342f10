import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { test } from 'node:test'

const file = resolve(import.meta.dirname, '../../src/event-loop-watchdog.ts')

async function running(
  { patienceMs, graceMs }: { patienceMs: number; graceMs: number },
  body: string,
): Promise<{ end: unknown; said: string }> {
  const code = `import { watchEventLoop } from ${JSON.stringify(file)}
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
watchEventLoop({ patienceMs: ${patienceMs}, graceMs: ${graceMs} })
${body}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code])
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [exit, signal] = await once(child, 'close')
  return { end: signal ?? exit, said }
}

test('a loop that stands still ends the process, and the last words say why', async () => {
  const { end, said } = await running({ patienceMs: 1_500, graceMs: 500 }, `setTimeout(() => block(600_000), 1_000)`)
  assert.equal(end, 'SIGKILL')
  assert.match(said, /event loop has stood still for 2 s/)
})

test('a loop that is only slow, or has nothing left to do, is left alone', async () => {
  const { end, said } = await running(
    { patienceMs: 6_000, graceMs: 2_000 },
    `for (let at = 500; at < 6_000; at += 1_500) setTimeout(() => block(1_000), at)`,
  )
  assert.deepEqual({ end, said }, { end: 0, said: '' })
})

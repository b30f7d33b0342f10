import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const file = resolve(import.meta.dirname, '../../src/event-loop-watchdog.ts')

function started(patienceMs: number, body: string): ChildProcess {
  const code = `import { watchEventLoop } from ${JSON.stringify(file)}
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
watchEventLoop({ patienceMs: ${patienceMs} })
${body}`
  return spawn(process.execPath, ['--input-type=module', '-e', code])
}

async function ended(child: ChildProcess): Promise<{ end: unknown; said: string }> {
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [exit, signal] = await once(child, 'close')
  return { end: signal ?? exit, said }
}

test('a loop that stands still ends the process, and the last words say why', async () => {
  const { end, said } = await ended(started(2_000, `setTimeout(() => block(600_000), 1_000)`))
  assert.equal(end, 'SIGKILL')
  assert.match(said, /event loop has stood still for 2 s/)
})

test('a loop that is only slow, or has nothing left to do, is left alone', async () => {
  const slow = `for (let at = 500; at < 6_000; at += 1_500) setTimeout(() => block(1_000), at)`
  const { end, said } = await ended(started(8_000, slow))
  assert.deepEqual({ end, said }, { end: 0, said: '' })
})

test('a process that was stopped as a whole, longer than its loop may stand still, is well', async () => {
  const child = started(4_000, `console.log('ready'); setTimeout(() => undefined, 3_000)`)
  const over = ended(child)
  await once(child.stdout!, 'data')
  child.kill('SIGSTOP')
  await sleep(5_000) // the fault itself
  child.kill('SIGCONT')
  assert.deepEqual(await over, { end: 0, said: '' })
})

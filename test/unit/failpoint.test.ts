import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { armFailpoint } from '../../src/failpoint.ts'

const file = resolve(import.meta.dirname, '../../src/failpoint.ts')

/** A process that arms itself from its environment and passes the point three times, saying which. */
async function passing(env: Record<string, string>): Promise<{ said: string; end: unknown }> {
  const code = `import { armFailpoint, failpoint } from ${JSON.stringify(file)}
armFailpoint(process.env)
for (let i = 1; i <= 3; i++) { failpoint('mid_copy'); process.stdout.write(String(i)) }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [exit, signal] = await once(child, 'close')
  return { said, end: signal ?? exit }
}

test('a failpoint kills where and when it was told to', async () => {
  assert.deepEqual(await passing({ NODE_ENV: 'test', FAILPOINT: 'mid_copy:kill:3' }), { said: '12', end: 'SIGKILL' })
})

test('nothing happens outside tests, at another place, or twice', async () => {
  assert.deepEqual(await passing({ FAILPOINT: 'mid_copy:kill' }), { said: '123', end: 0 })
  assert.deepEqual(await passing({ NODE_ENV: 'test', FAILPOINT: 'after_copy:kill' }), { said: '123', end: 0 })
  assert.deepEqual(await passing({ NODE_ENV: 'test', FAILPOINT: 'mid_copy:block=1' }), { said: '123', end: 0 })
})

test('a name that is none is refused', () => {
  assert.throws(() => armFailpoint({ NODE_ENV: 'test', FAILPOINT: 'nowhere:kill' }), /expected one of in_claim/)
  armFailpoint({})
})

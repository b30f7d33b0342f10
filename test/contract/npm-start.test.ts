/** `npm start` as a container or an operator runs it: a signal to npm reaches the worker, which drains; npm answers with its code. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { until } from '../support/until.ts'

const root = resolve(import.meta.dirname, '../..')

test('SIGTERM to npm stops the worker and gives exit code 0', { timeout: 600_000 }, async () => {
  const npm = spawn('npm', ['start'], {
    cwd: root,
    env: {
      ...process.env,
      HTTP_PORT: '0',
      KAFKA_BROKER: '127.0.0.1:1',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [npm.stdout, npm.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  const exited = once(npm, 'exit')
  await until('the worker is up', () => said.includes('PostgreSQL: '))
  npm.kill('SIGTERM')
  const [code, signal] = await exited
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, said)
  assert.match(said, /Processor service stopped/)
})

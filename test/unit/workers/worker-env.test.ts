import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MALLOC, WORKER_FLAGS, workerEnv } from '../../../src/workers/worker-env.ts'

const root = join(import.meta.dirname, '../../..')

test('a worker gets the same settings of malloc and V8 from the start script, the image and its supervisor', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const image = readFileSync(join(root, 'Dockerfile'), 'utf8')
  for (const [name, value] of Object.entries(MALLOC)) {
    assert.ok(scripts.start.includes(` ${name}=${value} `), `package.json: ${name}`)
    assert.match(image, new RegExp(`^ENV .*\\b${name}=${value}\\b`, 'm'))
  }
  for (const flag of WORKER_FLAGS) {
    assert.ok(scripts.start.includes(` ${flag} `), `package.json: ${flag}`)
    assert.ok(image.includes(`"${flag}"`), `Dockerfile: ${flag}`)
  }
  assert.equal(workerEnv({ MALLOC_ARENA_MAX: '4' })['MALLOC_ARENA_MAX'], '4')
})

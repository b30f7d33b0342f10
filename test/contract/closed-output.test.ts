/** Standard output whose reader has left, or whose disk is full: services live on and count it, commands end without a stack trace. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { exportTo } from '../../src/commands/dead-letters-export.ts'
import type { WholeDeadLetter } from '../../src/postgres/dead-letter-filter.ts'
import { until } from '../support/until.ts'

const main = resolve(import.meta.dirname, '../../src/main.ts')
const NOWHERE = { KAFKA_BROKER: '127.0.0.1:1', DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' }

/** The command with both its outputs on one pipe, of which the first line with an address is read, and then nobody reads. */
async function unheard(
  t: TestContext,
  command: readonly string[],
  env: Record<string, string>,
): Promise<{ child: ChildProcess; exited: Promise<unknown[]>; address: string }> {
  const child = spawn(process.execPath, [main, ...command], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await until('an address is said', () => /http:\/\/\S+\n/.test(said))
  child.stdout.destroy()
  child.stderr.destroy()
  return { child, exited, address: /http:\/\/\S+/.exec(said)?.[0] ?? '' }
}

async function lost(address: string, name: string): Promise<number> {
  const page = await (await fetch(`${address}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1])
}

test('a worker whose reader has left works on, counts what it could not say, and stops with 0', {
  timeout: 600_000,
}, async (t) => {
  const { child, exited, address } = await unheard(t, ['process', '--workers', '1'], { ...NOWHERE, HTTP_PORT: '0' })
  await until('lines are lost', async () => (await lost(address, 'insighthub_console_writes_lost_total')) >= 1)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('an ML engine whose reader has left answers on, and stops with 0', { timeout: 600_000 }, async (t) => {
  const { child, exited, address } = await unheard(t, ['ml-engine'], { ML_ENGINE_PORT: '0' })
  assert.equal(await lost(address, 'insighthub_engine_console_writes_lost_total'), 0)
  const body = JSON.stringify({ service: 'auth', level: 'INFO', message: 'in', latency_ms: 12 })
  const answer = await fetch(`${address}/score`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(answer.status, 200)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

/** Answers as a worker does. */
async function statusServer(t: TestContext, ready = true): Promise<string> {
  const status = {
    version: '1',
    guarantee: '',
    ready,
    missing: [],
    topic: 'logs',
    topic_partitions: 0,
    group: 'g',
  }
  const more = {
    generation: 1,
    member: 'm',
    store: 'ready',
    buffered_bytes: 0,
    ml_engine: null,
    partitions: [],
    scores: [],
  }
  const server = createServer((_request, answer) => answer.end(JSON.stringify({ ...status, ...more })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a command whose answer nobody reads ends with its own code and says nothing', { timeout: 600_000 }, async (t) => {
  const url = await statusServer(t)
  const child = spawn(process.execPath, [main, 'status', '--url', url], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  child.stdout.destroy()
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  assert.deepEqual(await exited, [0, null])
  assert.equal(said, '')
})

for (const ready of [true, false])
  test(`a command whose answer (ready: ${ready}) does not fit on the disk says so and fails`, {
    timeout: 600_000,
  }, async (t) => {
    const url = await statusServer(t, ready)
    const child = spawn(process.execPath, [main, 'status', '--url', url], {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    })
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    assert.deepEqual(await once(child, 'close'), [1, null])
    assert.match(said, /^✗ The output is incomplete: .*ENOSPC.*\(OUTPUT\)\n$/)
  })

const letter: WholeDeadLetter = {
  ...{ namespace: 'default', topic: 'logs', incarnation: 0, partition: 0, offset: 1, item: -1 },
  ...{ reason: 'bad_json', detail: 'The value is not JSON', service: null, sqlstate: null, fingerprint: 'f' },
  ...{
    status: 'new',
    attempts: 0,
    outcome: null,
    attemptedAt: null,
    recordTime: null,
    createdAt: '2026-01-01T00:00:00Z',
  },
  ...{ value: Buffer.from('{'), valueSize: 1, key: null, valueSha256: null, headers: null },
}

test('an export does not wait for a reader that has left', async () => {
  const gone = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  gone.on('error', () => undefined)
  async function* endless(): AsyncGenerator<WholeDeadLetter> {
    for (;;) yield letter
  }
  await assert.rejects(exportTo(gone, endless()), { code: 'EPIPE' })
})

test('the launcher itself has no stack trace for a reader that has left', { timeout: 600_000 }, () => {
  const launcher = resolve(main, '../../bin/insighthub-processor.js')
  const { stdout, stderr } = spawnSync(
    'bash',
    ['-c', `${process.execPath} ${launcher} --help | true; echo "\${PIPESTATUS[0]}"`],
    {
      encoding: 'utf8',
    },
  )
  assert.equal(stdout, '0\n')
  assert.equal(stderr, '')
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import pg from 'pg'
import { ProcessorError } from '../../src/errors.ts'
import { startEmbeddedPostgres } from '../../src/postgres/embedded-server.ts'
import { systemBinaries } from '../../src/postgres/server-binaries.ts'
import { until } from '../support/until.ts'

async function answer(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return Object.values((await client.query(sql)).rows[0])[0]
  } finally {
    await client.end()
  }
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const installed = systemBinaries() !== null
if (!installed) {
  assert.notEqual(process.env['CI'], 'true', 'with CI=true PostgreSQL must be installed: nothing is left out')
  process.stdout.write("left out: PostgreSQL from the system's binaries, since none are installed\n")
}
for (const binaries of installed ? (['system', 'npm'] as const) : (['npm'] as const)) {
  describe(`PostgreSQL from ${binaries} binaries`, { timeout: 600_000 }, () => {
    test('starts, keeps what was committed through an immediate stop, and leaves nothing behind', async () => {
      const server = await startEmbeddedPostgres({ binaries, settings: { work_mem: '5MB' } })
      try {
        assert.equal(server.host, '127.0.0.1')
        assert.equal(await answer(server.url, 'show server_encoding'), 'UTF8')
        assert.equal(await answer(server.url, 'show work_mem'), '5MB')
        assert.equal(await answer(server.url, 'show fsync'), 'on')
        assert.equal(await answer(server.url, 'select current_database()'), 'insighthub')
        await answer(server.url, `create table kept as select 42 as n; select 1 as one`).catch(() => undefined)
        await server.stop('immediate')
        await assert.rejects(answer(server.url, 'select 1'))
        await server.restart()
        assert.equal(await answer(server.url, 'select n from kept'), 42)
        await assert.rejects(
          answer(server.url.replace(server.password, 'wrong'), 'select 1'),
          /password authentication failed/,
        )
      } finally {
        await server.close()
      }
      assert.equal(existsSync(server.dataFolder), false)
    })

    test('ends with a process that dies without a word', async () => {
      const source = resolve(import.meta.dirname, '../../src/postgres/embedded-server.ts')
      const script = `const { startEmbeddedPostgres } = await import(${JSON.stringify(source)})
        const { dataFolder } = await startEmbeddedPostgres({ binaries: '${binaries}', durable: false })
        const { readFileSync } = await import('node:fs')
        console.log(dataFolder + ' ' + readFileSync(dataFolder + '/postmaster.pid', 'utf8').split('\\n')[0])
        setInterval(() => undefined, 1000)`
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = await once(child.stdout, 'data')
      const [folder = '', pid = ''] = String(line).trim().split(' ')
      assert.ok(alive(Number(pid)))
      child.kill('SIGKILL')
      await until('the server gone', () => !alive(Number(pid)))
      await until('its folder gone', () => !existsSync(folder))
    })
  })
}

test('a setting that PostgreSQL refuses is an error with its words, and leaves no server', {
  timeout: 600_000,
}, async () => {
  await assert.rejects(
    startEmbeddedPostgres({ settings: { shared_buffers: 'many' } }),
    (error: unknown) =>
      error instanceof ProcessorError && error.code === 'EMBEDDED_START' && /shared_buffers/.test(error.message),
  )
})

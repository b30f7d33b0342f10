/** What the launcher says when it cannot install: a sentence that tells what to do, and an exit code. npm is a stand-in here. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { test } from 'node:test'

const launcher = resolve(import.meta.dirname, '../../bin/insighthub-processor.js')
const lock = { packages: { '': {}, 'node_modules/left': { version: '1.0.0' } } }
const INSTALLED = 'mkdir -p node_modules && cp package-lock.json node_modules/.package-lock.json'

/** Starts a project whose npm is this shell script; twice where asked, in the same folder. */
function started(npm: string, times = 1): { status: number | null; said: string }[] {
  const folder = mkdtempSync(join(tmpdir(), 'insighthub launcher '))
  try {
    for (const name of ['bin', 'src', 'path']) mkdirSync(join(folder, name))
    copyFileSync(launcher, join(folder, 'bin', 'insighthub-processor.js'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
    writeFileSync(join(folder, 'src', 'main.ts'), 'process.stdout.write("the program runs")')
    writeFileSync(join(folder, 'path', 'npm'), `#!/bin/sh\n${npm}\n`)
    chmodSync(join(folder, 'path', 'npm'), 0o755)
    const { npm_execpath: _, ...env } = process.env
    const PATH = [join(folder, 'path'), dirname(process.execPath), env['PATH']].join(delimiter)
    return Array.from({ length: times }, () => {
      const entry = join(folder, 'bin', 'insighthub-processor.js')
      const { status, stdout, stderr } = spawnSync(process.execPath, [entry], {
        env: { ...env, PATH },
        encoding: 'utf8',
      })
      assert.ok(!existsSync(join(folder, '.runtime', 'install.lock')), 'the lock is gone')
      return { status, said: stdout + stderr }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('what is missing is installed once, also under a path with spaces', () => {
  const [first, second] = started(`echo "$@" >&2; ${INSTALLED}`, 2)
  assert.deepEqual(first, {
    status: 0,
    said: `the program runsInstalling dependencies (npm ci; not installed yet) ...\n`,
  })
  assert.deepEqual(second, { status: 0, said: 'the program runs' })
})

test('without a network it says so, and what to do', () => {
  const [run] = started('echo "npm error code EAI_AGAIN" >&2; exit 1')
  assert.equal(run?.status, 1)
  assert.match(run?.said ?? '', /the npm registry cannot be reached. Check the network or the proxy settings/)
})

test('a full disk is told also where npm ends with 0, and the next start installs again', () => {
  const runs = started(
    `${INSTALLED}; echo "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device, write" >&2`,
    2,
  )
  for (const run of runs) {
    assert.equal(run.status, 1)
    assert.match(run.said, /the disk is full. Free some space in .*insighthub launcher/)
  }
})

for (const script of ['test/chaos/run.ts', 'test/fuzz/run.ts', 'scripts/simulate.ts']) {
  test(`${script} runs when npm starts it: it says what it does not know`, () => {
    const args = [launcher, '--script', script, '--', '--nonsense']
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    assert.notEqual(status, 0)
    assert.match(stderr, /--nonsense/)
  })
}

/** However a run of chaos ends, there is a last line and a code: tried with programs that end in every way there is. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { attend, NO_VERDICT } from '../../chaos/attended.ts'
import { until } from '../../support/until.ts'

const attended = resolve(import.meta.dirname, '../../chaos/attended.ts')

/** It has ended; its parent may not have heard of that. */
const gone = (pid: number): Promise<void> =>
  until('its part is gone', () => {
    try {
      process.kill(pid, 0)
      return existsSync('/proc/self/stat') && /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    } catch {
      return true
    }
  })

describe('a run that is attended', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'insighthub-attended-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const run = async (source: string): Promise<{ code: number; lines: string[] }> => {
    const file = join(folder, 'run.ts')
    await writeFile(file, `import { concluded } from '${attended}'\n${source}`)
    const lines: string[] = []
    const code = await attend(file, [], (line) => lines.push(line))
    return { code, lines }
  }

  test('has the code of its verdict, and nothing is said beside it', async () => {
    for (const code of [0, 1])
      assert.deepEqual(await run(`await concluded(${code}); process.exit(${code})`), { code, lines: [] })
  })

  test('without a verdict never ends with 0, and says how it ended', async () => {
    const ends: [string, number, RegExp][] = [
      ['process.exit(0)', NO_VERDICT, /code 0 before/],
      ['await new Promise(() => undefined)', NO_VERDICT, /code 13 before/],
      ['process.exit(1)', NO_VERDICT, /code 1 before/],
      ["process.kill(process.pid, 'SIGTERM'); await new Promise((d) => setTimeout(d, 1e6))", 143, /by SIGTERM before/],
    ]
    for (const [source, code, line] of ends) {
      const ended = await run(source)
      assert.equal(ended.code, code, source)
      assert.equal(ended.lines.length, 1)
      assert.match(ended.lines[0] ?? '', line)
    }
  })

  test('killed as the kernel kills, leaves none of its processes behind', async () => {
    const pid = join(folder, 'pid')
    const { code, lines } = await run(`
      import { spawn } from 'node:child_process'
      import { writeFileSync } from 'node:fs'
      const part = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], { stdio: 'ignore' })
      writeFileSync('${pid}', String(part.pid))
      process.kill(process.pid, 'SIGKILL')`)
    assert.equal(code, 137)
    assert.match(lines[0] ?? '', /by SIGKILL before/)
    await gone(Number(await readFile(pid, 'utf8')))
  })

  test('killed together with its attendant, leaves none either', async () => {
    const pids = join(folder, 'pids')
    const program = join(folder, 'attendant.ts')
    await writeFile(program, `import { attend } from '${attended}'\nawait attend('${join(folder, 'run.ts')}', [])`)
    await writeFile(
      join(folder, 'run.ts'),
      `import { isAttended } from '${attended}'
      import { spawn } from 'node:child_process'
      import { renameSync, writeFileSync } from 'node:fs'
      const part = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1e6)'], { stdio: 'ignore' })
      writeFileSync('${pids}.new', process.pid + ' ' + part.pid + ' ' + isAttended)
      renameSync('${pids}.new', '${pids}')
      setInterval(() => undefined, 1e6)`,
    )
    const attendant = spawn(process.execPath, [program], { stdio: 'ignore' })
    await until('its part runs', () => existsSync(pids))
    const [run, part, isAttended] = (await readFile(pids, 'utf8')).split(' ')
    assert.equal(isAttended, 'true')
    attendant.kill('SIGSTOP') // it cannot act, whatever it hears first
    process.kill(Number(run), 'SIGKILL')
    attendant.kill('SIGKILL')
    await gone(Number(part))
  })
})

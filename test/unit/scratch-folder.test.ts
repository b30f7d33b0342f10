import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isLeftover, keepScratchFolder, removeLeftovers, scratchFolder } from '../../src/scratch-folder.ts'
import { until } from '../support/until.ts'

const source = resolve(import.meta.dirname, '../../src/scratch-folder.ts')
const HERE = '0123abcd'
const name = (owner: string): string => `insighthub-chaos-pg-${owner}-Ab12Cd`

describe('whose folder it is', () => {
  /** Processes 10 (we) and 11 live. */
  const processes = new Map([
    [process.pid, `${process.pid}.900.${HERE}`],
    [11, `11.500.${HERE}`],
  ])
  const leftover = (folder: string): boolean => isLeftover(folder, (pid) => processes.get(pid) ?? null)

  test('one of a process that is gone, or whose id another process has now, is left over', () => {
    assert.equal(leftover(name(`12.500.${HERE}`)), true)
    assert.equal(leftover(name(`11.499.${HERE}`)), true)
  })

  test('one of a process that lives is not', () => {
    assert.equal(leftover(name(`11.500.${HERE}`)), false)
    assert.equal(leftover(name(`${process.pid}.900.${HERE}`)), false)
  })

  test('one of another container or machine is not, whoever lives here', () => {
    assert.equal(leftover(name('12.500.ffffffff')), false)
    assert.equal(leftover(name('11.500.ffffffff')), false)
  })

  test('whatever else has a name of its own is not', () => {
    for (const other of ['insighthub-prove-Ab12Cd', 'insighthub', `x-${name(`12.500.${HERE}`)}`, `12.500.${HERE}`])
      assert.equal(leftover(other), false, other)
  })

  test('where the system does not tell who lives, nothing is', () => {
    assert.equal(
      isLeftover(name(`12.500.${HERE}`), () => null),
      false,
    )
  })
})

const spawned = (command: string, args: readonly string[]) =>
  spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
const hidden = existsSync('/proc/self/stat') ? false : 'this system does not tell when a process began'
describe('folders of killed processes', { skip: hidden }, () => {
  let parent: string
  const children: ChildProcess[] = []
  before(() => {
    parent = mkdtempSync(join(tmpdir(), 'insighthub-scratch-test-'))
  })
  after(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(parent, { recursive: true, force: true })
  })

  /** A process with a folder of its own, with something in it. */
  async function another(
    start = (args: readonly string[]) => spawned(process.execPath, args),
  ): Promise<{ child: ChildProcess; folder: string }> {
    const program = `
      import { writeFileSync } from 'node:fs'
      import { scratchFolder } from ${JSON.stringify(source)}
      const folder = await scratchFolder('test', ${JSON.stringify(parent)})
      writeFileSync(folder + '/data', 'x')
      process.stdout.write(folder)
      setInterval(() => undefined, 1_000_000)`
    const child = start(['--input-type=module-typescript', '-e', program])
    children.push(child)
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    return { child, folder: said.toString() }
  }

  test('go when the next one makes its own; those of the living, kept ones and links stay', async () => {
    const [killed, alive] = await Promise.all([another(), another()])
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')
    const kept = await keepScratchFolder(await scratchFolder('kept', parent))
    assert.match(basename(kept), /^insighthub-kept-[A-Za-z0-9]{6}$/)

    const owner = basename(killed.folder).split('-').at(-2)
    const target = join(parent, 'elsewhere')
    mkdirSync(target)
    writeFileSync(join(target, 'data'), 'x')
    const link = join(parent, name(String(owner)))
    symlinkSync(target, link)

    const mine = await scratchFolder('test', parent)
    assert.equal(statSync(mine).mode & 0o777, 0o700)
    assert.deepEqual(
      readdirSync(parent).sort(),
      [alive.folder, kept, target, link, mine].map((each) => basename(each)).sort(),
    )
    assert.deepEqual(readdirSync(target), ['data'])

    alive.child.kill('SIGKILL')
    await once(alive.child, 'exit')
    assert.deepEqual(await removeLeftovers(parent), [basename(alive.folder)])
    assert.ok(existsSync(mine), 'our own stays while we live')
  })

  test('go, too, where the parent of the killed process has not heard of its end', async () => {
    const script = '"$0" "$@" & exec sleep 1000'
    const { folder } = await another((args) => spawned('/bin/sh', ['-c', script, process.execPath, ...args]))
    const pid = Number(basename(folder).split('-').at(-2)?.split('.')[0])
    assert.deepEqual(await removeLeftovers(parent), [])
    process.kill(pid, 'SIGKILL')
    await until('dead', () => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')))
    assert.deepEqual(await removeLeftovers(parent), [basename(folder)])
  })

  test('a place that is not there holds none', async () => {
    assert.deepEqual(await removeLeftovers(join(parent, 'none')), [])
  })
})

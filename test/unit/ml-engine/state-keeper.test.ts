import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { StateFile, type StateFound } from '../../../src/ml-engine/state-file.ts'
import { type KeeperEvents, StateKeeper } from '../../../src/ml-engine/state-keeper.ts'

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'insighthub-state-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('a state file', () => {
  it('holds what was written last, and nothing lies beside it', () =>
    withFolder(async (folder) => {
      const file = new StateFile(join(folder, 'model.state'))
      assert.deepEqual(await file.read(), { kind: 'none' })
      await file.write(Buffer.from('a longer state'))
      await file.write(Buffer.from('a state'))
      assert.deepEqual(await file.read(), { kind: 'found', state: Buffer.from('a state') })
      assert.deepEqual(await readdir(folder), ['model.state'])
    }))

  it('that cannot be written keeps what it holds', () =>
    withFolder(async (folder) => {
      const file = new StateFile(join(folder, 'model.state'))
      await file.write(Buffer.from('a state'))
      await mkdir(join(folder, 'model.state.new'))
      await assert.rejects(file.write(Buffer.from('another')), { code: 'EISDIR' })
      assert.deepEqual(await file.read(), { kind: 'found', state: Buffer.from('a state') })
    }))

  it('that is a folder, or whose folder is a file, is unreadable and stays where it is', () =>
    withFolder(async (folder) => {
      const found = await new StateFile(folder).read()
      assert.deepEqual(found, { kind: 'unreadable', reason: 'not a regular file' })
      await writeFile(join(folder, 'plain'), '')
      assert.equal((await new StateFile(join(folder, 'plain', 'model')).read()).kind, 'unreadable')
    }))
})

/** An engine whose state is a number, in a file that may be broken. */
function world(found: StateFound, refusal: string | null = null) {
  const told: string[] = []
  const events: KeeperEvents = {
    stateTakenUp: ({ from, reason }) => void told.push(`${from}${reason === '' ? '' : `: ${reason}`}`),
    stateWritten: ({ bytes }) => void told.push(`written ${bytes}`),
    stateNotWritten: () => void told.push('not written'),
  }
  const engine = { learned: 0, state: () => Buffer.alloc(engine.learned), resume: () => refusal, revision: () => engine.learned } // biome-ignore format: one line
  const file = {
    path: 'model.state',
    full: false,
    read: async () => found,
    write: async () => {
      if (file.full) throw new Error('no space left on device')
    },
    putAside: async () => void told.push('put aside'),
  }
  const pauses: (() => void)[] = []
  const sleep = (_ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      pauses.push(resolve)
      signal.addEventListener('abort', reject)
    })
  const keeper = new StateKeeper({ engine, file, intervalMs: 1_000, sleep, events })
  return { keeper, engine, file, told, pauses }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a keeper of states', () => {
  it('takes up a state, begins anew without one, and with one that cannot be used', async () => {
    const state = new Uint8Array(3)
    for (const [found, refusal, expected] of [
      [{ kind: 'found', state }, null, ['state']],
      [{ kind: 'none' }, null, ['nothing']],
      [{ kind: 'found', state }, 'checksum differs', ['put aside', 'cold: checksum differs']],
      // What was not read is not moved: it may be a folder.
      [{ kind: 'unreadable', reason: 'not a regular file' }, null, ['cold: not a regular file']],
    ] as const) {
      const { keeper, told } = world(found, refusal)
      await keeper.takeUp()
      assert.deepEqual(told, expected)
    }
  })

  it('writes after each pause in which something was learned, tries again what failed, and ends with the signal', async () => {
    const { keeper, engine, file, told, pauses } = world({ kind: 'none' })
    const ending = new AbortController()
    const keeping = keeper.keep(ending.signal)
    const pause = async (): Promise<void> => {
      pauses.shift()?.()
      await settled()
    }
    await pause()
    engine.learned = 5
    await pause()
    await pause()
    file.full = true
    engine.learned = 7
    await pause()
    file.full = false
    await pause()
    assert.deepEqual(told, ['written 5', 'not written', 'written 7'])
    engine.learned = 8
    ending.abort()
    await keeping
    assert.equal(told.length, 3, 'the end itself writes nothing')
    await keeper.write()
    assert.deepEqual(told.slice(3), ['written 8'])
  })
})

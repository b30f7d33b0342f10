/**
 * What the engine has learned, in a file. Written beside its place, brought to the disk, then moved there in one step: whenever
 * the process or the machine stops, the file holds a whole state, the one before or the new one. One engine a file.
 */
import { open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf } from '../errors.ts'

/** Nobody's model is as large. */
const BYTES_MAX = 512 * 1024 * 1024
/** For the owner alone: templates quote logs. */
const MODE = 0o600

export type StateFound =
  | { readonly kind: 'found'; readonly state: Uint8Array }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly reason: string }

export class StateFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Whether the bytes are a state is for the engine to say. */
  async read(): Promise<StateFound> {
    try {
      const { size } = await regularFile(this.path)
      if (size > BYTES_MAX) return { kind: 'unreadable', reason: `${size} bytes, more than ${BYTES_MAX}` }
      return { kind: 'found', state: await readFile(this.path) }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { kind: 'none' }
      return { kind: 'unreadable', reason: messageOf(error) }
    }
  }

  /** Rejects as the file system does; the state before is there still. Not to be called twice at once. */
  async write(state: Uint8Array): Promise<void> {
    const beside = `${this.path}.new`
    const file = await open(beside, 'w', MODE)
    try {
      await file.writeFile(state)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, this.path)
    await syncFolder(dirname(this.path))
  }

  /** Out of the way of the next write, for whoever wants to know what was wrong with it. Rejects as the file system does. */
  async putAside(): Promise<void> {
    await rename(this.path, `${this.path}.unreadable`)
  }
}

/** A pipe or a device would be read for ever. */
async function regularFile(path: string): Promise<{ size: number }> {
  const found = await stat(path)
  if (!found.isFile()) throw new Error('not a regular file')
  return found
}

/** The new name is on the disk only when the folder is; not every file system knows that of folders. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync().catch(() => undefined)
  } finally {
    await folder.close()
  }
}

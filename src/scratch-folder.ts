/**
 * Temporary folders that a killed process does not leave for ever: each has its owner in its name, and whoever makes one removes
 * those of owners that have died. The owner is told by its process id, its start (an id is given again) and the kernel's boot and
 * process namespace (ids of another container mean nothing here). Where the kernel does not tell these (no /proc), folders have
 * plain names and nothing is removed.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { lstat, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

const OWNED = /^(insighthub-[a-z0-9-]+)-(\d+)\.(\d+)\.([0-9a-f]{8})-([A-Za-z0-9]{6})$/
/** proc(5): the third and the 22nd field of /proc/PID/stat, counted after the name in parentheses, which may hold anything. */
const STATE_FIELD = 0
const START_FIELD = 19

/** A new empty folder `insighthub-NAME-...`, for its owner alone; what killed processes left beside it is removed first. */
export async function scratchFolder(name: string, parent = tmpdir()): Promise<string> {
  const owner = ownerOf(process.pid)
  await removeLeftovers(parent)
  return mkdtemp(join(parent, owner === null ? `insighthub-${name}-` : `insighthub-${name}-${owner}-`))
}

/** From now on nobody's: it stays until a person removes it. Its new path. */
export async function keepScratchFolder(folder: string): Promise<string> {
  const kept = join(dirname(folder), basename(folder).replace(OWNED, '$1-$5'))
  if (kept !== folder) await rename(folder, kept)
  return kept
}

/** Removes this user's folders of owners that have died; what cannot be removed is left. The names of those removed. */
export async function removeLeftovers(parent = tmpdir()): Promise<string[]> {
  const removed: string[] = []
  for (const name of await readdir(parent).catch(() => [])) {
    if (!isLeftover(name, ownerOf) || !(await isOurs(join(parent, name)))) continue
    await rm(join(parent, name), { recursive: true, force: true, maxRetries: 3 }).then(
      () => removed.push(name),
      () => undefined, // an orphan still writes there, or somebody else removes it
    )
  }
  return removed
}

/**
 * The owner is known to be dead: it is of this boot and namespace, and no process has its id and start. `ownerOf` tells a process's
 * "PID.START.MACHINE"; null: there is none with this id.
 */
export function isLeftover(name: string, ownerOf: (pid: number) => string | null): boolean {
  const [, , pid, start, machine] = OWNED.exec(name) ?? []
  if (pid === undefined || ownerOf(process.pid)?.endsWith(`.${machine}`) !== true) return false
  return ownerOf(Number(pid)) !== `${pid}.${start}.${machine}`
}

function ownerOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const start = fields[START_FIELD]
    if (fields[STATE_FIELD] === 'Z') return null // dead, and its parent has not heard of it
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    const machine = createHash('sha256')
      .update(`${boot} ${readlinkSync('/proc/self/ns/pid')}`)
      .digest('hex')
    return start === undefined ? null : `${pid}.${start}.${machine.slice(0, 8)}`
  } catch {
    return null
  }
}

/** A folder of this user, and no link to one: a process of ours can be seen in /proc, those of others may be hidden there. */
async function isOurs(path: string): Promise<boolean> {
  try {
    const found = await lstat(path)
    return found.isDirectory() && found.uid === process.getuid?.()
  } catch {
    return false
  }
}

